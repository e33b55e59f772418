// One socket type for TCP and unix sockets, and the address of its other end.
#pragma once

#include "protocol/ip_address.hpp"

#include <boost/asio/generic/stream_protocol.hpp>

#include <optional>
#include <string>

namespace holdwater::proxy {

namespace asio = boost::asio;

using stream_protocol = asio::generic::stream_protocol;
using stream_socket = stream_protocol::socket;

// Without the port; "localhost" for a unix socket, as the servers say; "unknown" for what is neither.
[[nodiscard]] std::string address_text(const stream_protocol::endpoint& peer);
// Nothing for a unix socket.
[[nodiscard]] std::optional<protocol::ip_endpoint> ip_endpoint_of(const stream_protocol::endpoint& peer);
[[nodiscard]] bool is_unix(const stream_protocol::endpoint& peer);

} // namespace holdwater::proxy
