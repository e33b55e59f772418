// The PROXY protocol's header, which a load balancer puts in front of a connection to say who the client is:
// version 1 (a line of text) and version 2 (binary), read and written.
//
// Source: haproxy "doc/proxy-protocol.txt", sections 2.1 and 2.2. Worked examples:
//   PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n
//   0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a  21  11  00 0c  c0 a8 00 01  c0 a8 00 0b  dc 04  01 bb
//   signature                            v2  v4  12     source       destination  56324  443
#pragma once

#include "protocol/error.hpp"
#include "protocol/ip_address.hpp"
#include "protocol/packet.hpp"

#include <cstdint>
#include <optional>

namespace holdwater::protocol {

// Longer headers are malformed. Version 2 allows 64 KiB, of which real senders use a few hundred bytes.
inline constexpr std::size_t longest_proxy_header = 4096;

struct proxy_header {
  std::size_t size = 0; // bytes of the stream that belong to it
  bool local = false;   // the client is on a unix socket of the sender's host
  // Nothing: LOCAL, UNKNOWN or a kind of connection that is not TCP: the connection's own addresses hold.
  std::optional<ip_endpoint> source;
  std::optional<ip_endpoint> destination;
};

enum class proxy_header_state : std::uint8_t {
  absent,     // the stream begins with something else
  incomplete, // so far it could be one
  complete,
};
struct proxy_header_read {
  proxy_header_state state = proxy_header_state::absent;
  proxy_header header; // when complete
};

// Looks at the beginning of a stream. Errors: malformed_packet, for what begins as a header and is none.
[[nodiscard]] result<proxy_header_read> read_proxy_header(byte_span bytes);

// Appends a header. Without addresses it says UNKNOWN (version 1) or LOCAL (version 2).
enum class proxy_version : std::uint8_t { v1, v2 };
void append_proxy_header(byte_buffer& out, proxy_version version, const std::optional<ip_endpoint>& source,
                         const std::optional<ip_endpoint>& destination);

} // namespace holdwater::protocol
