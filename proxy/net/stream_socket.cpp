#include "proxy/net/stream_socket.hpp"

#include <boost/asio/ip/address.hpp>

#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>

namespace holdwater::proxy {
namespace {

// The bytes of an address inside of a sockaddr, which the generic endpoint holds unread.
template <class Bytes, class Address>
Bytes copy_of(const Address& inside) {
  Bytes out;
  static_assert(sizeof out == sizeof inside);
  std::memcpy(out.data(), &inside, sizeof inside);
  return out;
}

} // namespace

bool is_unix(const stream_protocol::endpoint& peer) {
  return peer.data()->sa_family == AF_UNIX;
}

std::string address_text(const stream_protocol::endpoint& peer) {
  switch (peer.data()->sa_family) {
  case AF_UNIX: return "localhost";
  case AF_INET: {
    sockaddr_in inside{};
    std::memcpy(&inside, peer.data(), sizeof inside);
    return asio::ip::address_v4(copy_of<asio::ip::address_v4::bytes_type>(inside.sin_addr)).to_string();
  }
  case AF_INET6: {
    sockaddr_in6 inside{};
    std::memcpy(&inside, peer.data(), sizeof inside);
    return asio::ip::address_v6(copy_of<asio::ip::address_v6::bytes_type>(inside.sin6_addr),
                                inside.sin6_scope_id)
        .to_string();
  }
  default: return "unknown";
  }
}

} // namespace holdwater::proxy
