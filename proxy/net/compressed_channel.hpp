// The compressed protocol over a socket or over TLS. What is read and written here are the packets inside.
//
// Two counters run beside each other. The outer one, of the compressed packets, begins at 0 with each command
// and goes on with each packet of the exchange, whoever sends it: servers and clients check it. The inner one
// is checked by plain peers only, and compressing ones set it to the outer at each flush, so it is made anew
// here, as a plain peer would count.
//
// Invariant: as in tls_channel.hpp: a blocked send is repeated with the same bytes. Memory is bounded by one
// piece on its way out, one receive and one engine on the way in.
//
// Source: protocol/compression.hpp; MySQL's sql-common/net_serv.cc (net_flush, net_read_packet), which
// MariaDB's net_serv.cc shares.
#pragma once

#include "protocol/compression.hpp"
#include "protocol/frame_follower.hpp"
#include "proxy/net/rx_buffer.hpp"
#include "proxy/net/secured_socket.hpp"

#include <span>

namespace holdwater::proxy {

// Who is at the other end.
enum class facing : std::uint8_t { client, server };

class compressed_channel {
 public:
  // `early` are bytes that were received already and belong here. `level` is zstd's.
  compressed_channel(secured_socket& below, facing whom, protocol::compression how, int level,
                     protocol::byte_span early);

  // From a client: at most one compressed packet's content, so that an answer is numbered by the packet that
  // asked for it and not by one behind that.
  io_step receive(std::span<std::uint8_t> room);
  io_step send(protocol::byte_span bytes);
  // receive() may find bytes without those below.
  [[nodiscard]] bool may_have_more() const { return !coming_.empty() || expander_.has_pending(); }

  // Between these the client's messages are a local file, also where a packet's id has come round to 0.
  void uploading(bool on) { uploading_ = on; }

 private:
  [[nodiscard]] protocol::result<std::size_t> expand(std::span<std::uint8_t> room);
  void begin_packet();
  void renumber(std::span<std::uint8_t> plain);
  void pack(protocol::byte_buffer& out, protocol::byte_span plain);
  [[nodiscard]] std::uint8_t next_outer(protocol::byte_span plain);
  void keep(protocol::byte_span rest);

  secured_socket& below_;
  const facing whom_;
  const protocol::compression how_;
  const int level_;

  // in
  rx_buffer coming_;
  protocol::packet_expander expander_;
  protocol::frame_follower received_;
  std::uint8_t last_outer_in_ = 0;
  bool fresh_ = false;   // the packet that began last has the id 0, and none inside it has begun yet
  bool unbegun_ = false; // the next packet's header is here, and what was before it was passed on just now

  // out
  protocol::byte_buffer going_; // a packet that was blocked
  std::size_t gone_ = 0;        // of it
  std::size_t in_flight_ = 0;   // plain bytes of the packet that has not left whole
  protocol::frame_follower sent_;
  std::uint8_t outer_out_ = 0; // of the next packet, unless it begins something
  bool heard_ = false;         // since the last packet that went

  std::uint8_t next_inner_ = 0; // of either direction: what comes after the last inner packet
  bool uploading_ = false;
};

} // namespace holdwater::proxy
