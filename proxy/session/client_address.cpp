// Who the client is: the other end of its connection, or what a load balancer that we trust says in a PROXY
// header. The header comes before the client's first packet; the greeting has been sent by then, since the
// server speaks first and clients of a trusted network may also connect directly.
#include "proxy/session/session.hpp"

namespace holdwater::proxy {

using protocol::proxy_header_state;

// Takes a header off the stream when there is one. False: the client was refused, or is gone.
task<bool> session::take_proxy_header() {
  const auto& trusted = process().proxy_networks;
  if (process().settings.server.proxy_protocol != "off") {
    client_end_.source = ip_endpoint_of(client_->peer_endpoint());
    client_end_.destination = ip_endpoint_of(client_->own_endpoint());
  }
  const auto allowed = [&] { // asked only of those that send a header
    const auto peer = ip_endpoint_of(client_->peer_endpoint());
    return peer ? trusted.contains(peer->address) : trusted.contains_local();
  };
  for (;;) {
    const auto bytes = client_->received().bytes();
    const auto found = protocol::read_proxy_header(bytes);
    const bool begun = found.has_error() || found->state == proxy_header_state::complete ||
                       (found->state == proxy_header_state::incomplete && bytes.size() >= 5);
    if (begun && !allowed())
      co_return co_await deny(
          client_error::bad_handshake,
          "a PROXY header came from an address that proxy_protocol_networks does not list", 2);
    if (found.has_error())
      co_return co_await deny(client_error::bad_handshake, "the PROXY header cannot be read", 2);
    if (found->state == proxy_header_state::absent) co_return true;
    if (found->state == proxy_header_state::complete) {
      client_->received().consume(found->header.size);
      if (found->header.source || found->header.local) client_end_ = found->header;
      co_return true;
    }
    if (co_await receive_some(*client_, {wake_, &limit_}) != io_status::done) co_return false;
  }
}

// As the server would write it behind the account's name.
std::string session::client_address() const {
  if (client_end_.source) return protocol::print_ip(client_end_.source->address);
  return client_end_.local ? "localhost" : client_->peer_address();
}

} // namespace holdwater::proxy
