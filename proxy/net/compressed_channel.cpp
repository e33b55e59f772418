#include "proxy/net/compressed_channel.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <utility>

namespace holdwater::proxy {

using protocol::byte_buffer;
using protocol::byte_span;

namespace {

// What goes into one packet. Larger ones would shrink a little better, and hold more memory for it.
constexpr std::size_t largest_piece = rx_buffer::large_size;

// What a thread's channels make their packets with, one at a time.
struct workbench {
  protocol::packet_compressor compressor;
  byte_buffer packet;
};

workbench& workbench_of_this_thread() {
  thread_local workbench one;
  return one;
}

} // namespace

compressed_channel::compressed_channel(secured_socket& below, facing whom, protocol::compression how,
                                       int level, byte_span early)
    : below_(below), whom_(whom), how_(how), level_(level), expander_(how) {
  while (!early.empty()) {
    const auto room = coming_.room();
    const auto count = std::min(room.size(), early.size());
    std::copy_n(early.begin(), count, room.begin());
    coming_.commit(count);
    early = early.subspan(count);
  }
}

// ------------------------------------------------------------------------------------------------------ in

io_step compressed_channel::receive(std::span<std::uint8_t> room) {
  for (;;) {
    const auto produced = expand(room);
    coming_.rest();
    if (produced.has_error()) return io_step::closed(produced.error());
    if (*produced > 0) return io_step::moved(*produced);
    const auto step = below_.receive(coming_.room());
    if (step.what != io_step::kind::moved) {
      coming_.release();
      return step;
    }
    coming_.commit(step.count);
  }
}

// Until the room is full, everything that came is expanded, or a client's next packet begins.
protocol::result<std::size_t> compressed_channel::expand(std::span<std::uint8_t> room) {
  std::size_t produced = 0;
  if (std::exchange(unbegun_, false)) begin_packet();
  while (produced < room.size() && may_have_more()) {
    const auto to = room.subspan(produced);
    const auto done = expander_.feed(coming_.bytes(), to);
    if (done.has_error()) return done.error();
    coming_.consume(done->consumed);
    renumber(to.first(done->produced));
    produced += done->produced;
    if (!done->began) continue;
    unbegun_ = whom_ == facing::client && produced > 0;
    if (unbegun_) break;
    begin_packet();
  }
  return produced;
}

void compressed_channel::begin_packet() {
  last_outer_in_ = expander_.sequence();
  fresh_ = last_outer_in_ == 0;
  heard_ = true;
}

// A client's command is told by the outer id, since some do not begin the inner one anew; by the inner one
// where several are in one packet.
void compressed_channel::renumber(std::span<std::uint8_t> plain) {
  received_.follow(plain, [this](std::uint8_t& sequence, bool begins) {
    const bool command =
        whom_ == facing::client && begins && !uploading_ && (std::exchange(fresh_, false) || sequence == 0);
    if (command) next_inner_ = 0;
    sequence = next_inner_++;
  });
}

// ----------------------------------------------------------------------------------------------------- out

io_step compressed_channel::send(byte_span bytes) {
  if (bytes.size() < in_flight_) return io_step::closed(boost::asio::error::invalid_argument);
  byte_span rest = byte_span(going_).subspan(gone_);
  if (in_flight_ == 0) {
    auto& packet = workbench_of_this_thread().packet;
    const auto piece = bytes.first(std::min(bytes.size(), largest_piece));
    packet.clear();
    pack(packet, piece);
    in_flight_ = piece.size();
    rest = packet;
  }
  while (!rest.empty()) {
    const auto step = below_.send(rest);
    if (step.what == io_step::kind::blocked) keep(rest);
    if (step.what != io_step::kind::moved) return step;
    rest = rest.subspan(step.count);
  }
  going_ = {};
  gone_ = 0;
  return io_step::moved(std::exchange(in_flight_, 0));
}

// What has not left yet outlives this call.
void compressed_channel::keep(byte_span rest) {
  if (going_.empty())
    going_.assign(rest.begin(), rest.end());
  else
    gone_ = going_.size() - rest.size();
}

void compressed_channel::pack(byte_buffer& out, byte_span plain) {
  workbench_of_this_thread().compressor.append(out, next_outer(plain), plain, how_, level_);
  sent_.follow(plain, [this](const std::uint8_t& sequence, bool) {
    next_inner_ = static_cast<std::uint8_t>(sequence + 1);
  });
}

// The outer id begins anew with a command, which only the inner one can tell.
std::uint8_t compressed_channel::next_outer(byte_span plain) {
  const bool begins = sent_.at_message_start() && plain.size() >= protocol::packet_header_size;
  const bool command = whom_ == facing::server && begins && !uploading_ &&
                       protocol::read_packet_header(plain.data()).sequence == 0;
  if (command)
    outer_out_ = 0;
  else if (heard_)
    outer_out_ = static_cast<std::uint8_t>(last_outer_in_ + 1);
  heard_ = false;
  return outer_out_++;
}

} // namespace holdwater::proxy
