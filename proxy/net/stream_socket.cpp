#include "proxy/net/stream_socket.hpp"

#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>

namespace holdwater::proxy {
bool is_unix(const stream_protocol::endpoint& peer) {
  return peer.data()->sa_family == AF_UNIX;
}

std::optional<protocol::ip_endpoint> ip_endpoint_of(const stream_protocol::endpoint& peer) {
  protocol::ip_endpoint out;
  if (peer.data()->sa_family == AF_INET) {
    sockaddr_in inside{};
    std::memcpy(&inside, peer.data(), sizeof inside);
    std::memcpy(out.address.bytes.data(), &inside.sin_addr, sizeof inside.sin_addr);
    out.port = ntohs(inside.sin_port);
    return out;
  }
  if (peer.data()->sa_family != AF_INET6) return std::nullopt;
  sockaddr_in6 inside{};
  std::memcpy(&inside, peer.data(), sizeof inside);
  std::memcpy(out.address.bytes.data(), &inside.sin6_addr, sizeof inside.sin6_addr);
  out.address.v6 = true;
  out.address = protocol::unmapped(out.address);
  out.port = ntohs(inside.sin6_port);
  return out;
}

std::string address_text(const stream_protocol::endpoint& peer) {
  if (is_unix(peer)) return "localhost";
  const auto known = ip_endpoint_of(peer);
  return known ? protocol::print_ip(known->address) : "unknown";
}

} // namespace holdwater::proxy
