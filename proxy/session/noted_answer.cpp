// The answer to a read of tables whose queued writes the server does not have: the packet that ends it tells
// of one warning, and SHOW WARNINGS then shows a Note. An answer that has warnings of the server's own stays
// as it is.
#include "protocol/answer_end.hpp"
#include "proxy/session/session.hpp"

namespace holdwater::proxy {

using protocol::byte_span;
using protocol::response_tracker;

namespace {

constexpr std::string_view stale_note =
    "Holdwater: writes to what this statement reads are queued, and the server does not have them yet";

} // namespace

// Whole packets are passed on, so that the last one can be written over; one that is larger than the buffer
// cannot be the last one that matters, and goes in parts.
task<session::trip> session::relay_noted_answer() {
  const auto held = link_->stream; // outlives the link
  auto& buffer = held->received();
  const auto begun = co_await await_start();
  if (begun != trip::answered) co_return begun;
  bool passed_some = false;
  bool told = false;    // the next packet is an OK of which the client gets a part
  std::size_t left = 0; // of a packet that is larger than the buffer
  while (tracker_.current() != response_tracker::state::complete) {
    std::size_t ready = std::min(left, buffer.size());
    bool known = true;
    if (ready > 0) known = tracker_.feed(buffer.bytes().first(ready)).has_value(); // rows
    left -= ready;
    while (known && left == 0 && tracker_.current() != response_tracker::state::complete) {
      const auto rest = buffer.bytes().subspan(ready);
      if (rest.size() < protocol::packet_header_size) break;
      const auto size = protocol::packet_header_size + protocol::read_packet_header(rest.data()).payload_size;
      const bool whole = size <= rest.size();
      if (!whole && !(ready == 0 && buffer.at_limit())) break;
      const auto part = rest.first(std::min(size, rest.size()));
      left = size - part.size();
      const auto taken = tracker_.feed(part);
      known = taken.has_value() && tracker_.current() != response_tracker::state::wants_local_file;
      told = known && *taken < part.size();
      if (told) ready += *taken;
      if (told) break;
      if (known && whole && tracker_.current() == response_tracker::state::complete)
        note_in(ready + protocol::packet_header_size, part.subspan(protocol::packet_header_size));
      ready += part.size();
    }
    if (!known) co_return passed_some ? trip::cut : trip::lost; // not a MySQL server's words
    if (ready == 0 && !told) {
      const auto waited = co_await wait_for_answer();
      if (waited != trip::answered) co_return waited != trip::client_gone&& passed_some ? trip::cut : waited;
      continue;
    }
    const bool sent = co_await send_to_client(buffer.bytes().first(ready));
    if (!sent) co_return trip::client_gone;
    buffer.consume(ready);
    passed_some = passed_some || ready > 0;
    if (told) co_return co_await relay_answer(); // it is there, whole
  }
  co_return trip::answered;
}

// In the packet that ends the answer, whose payload is `at` bytes behind the buffer's front.
void session::note_in(std::size_t at, byte_span payload) {
  const auto end = tracker_.ended_by();
  if (end != response_tracker::ending::ok && end != response_tracker::ending::eof) return;
  const auto where = protocol::find_answer_end(payload);
  if (tracker_.ok().warnings != 0 || !where) return;
  constexpr std::uint8_t one[] = {1, 0};
  link_->stream->received().overwrite(at + where->warnings, one);
  command_.marked = true;
}

// For SHOW WARNINGS.
void session::leave_note() {
  said_ = {.number = note_number, .text = std::string(stale_note)};
}

} // namespace holdwater::proxy
