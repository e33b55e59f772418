// A socket, or TLS over it: what a transport's layers send and receive through.
#pragma once

#include "proxy/net/raw_socket.hpp"
#include "proxy/net/tls_channel.hpp"

#include <optional>
#include <string>

namespace holdwater::proxy {

class secured_socket {
 public:
  explicit secured_socket(int descriptor) : socket_(descriptor) {}

  // `early`: see tls_channel.
  void add_tls(const tls_context& context, const std::string& host, protocol::byte_span early) {
    tls_.emplace(context, socket_, host, early);
  }
  [[nodiscard]] tls_channel* tls() { return tls_ ? &*tls_ : nullptr; }
  [[nodiscard]] const tls_channel* tls() const { return tls_ ? &*tls_ : nullptr; }

  io_step receive(std::span<std::uint8_t> room) { return tls_ ? tls_->receive(room) : socket_.receive(room); }
  io_step send(protocol::byte_span bytes) { return tls_ ? tls_->send(bytes) : socket_.send(bytes); }
  void refilled() { socket_.refilled(); }
  // receive() may find bytes without the socket becoming readable.
  [[nodiscard]] bool may_have_more() const { return !socket_.drained() || (tls_ && tls_->has_pending()); }

 private:
  raw_socket socket_;
  std::optional<tls_channel> tls_;
};

} // namespace holdwater::proxy
