// What lies between a transport and its socket when there is more than nothing: TLS.
//
// Invariant: as in tls_channel.hpp: what a send moved has left; a blocked send is repeated with the same
// bytes.
#pragma once

#include "proxy/net/raw_socket.hpp"
#include "proxy/net/tls_channel.hpp"

#include <optional>
#include <string>

namespace holdwater::proxy {

class stream_layers {
 public:
  explicit stream_layers(int descriptor) : socket_(descriptor) {}

  // `early`: see tls_channel.
  void add_tls(const tls_context& context, const std::string& host, protocol::byte_span early) {
    tls_.emplace(context, socket_, host, early);
  }
  [[nodiscard]] tls_channel* tls() { return tls_ ? &*tls_ : nullptr; }
  [[nodiscard]] const tls_channel* tls() const { return tls_ ? &*tls_ : nullptr; }

  io_step receive(std::span<std::uint8_t> room);
  io_step send(protocol::byte_span bytes);
  void say_goodbye();

  // receive() may find bytes without the socket becoming readable.
  [[nodiscard]] bool may_have_more() const { return !socket_.drained() || (tls_ && tls_->has_pending()); }
  [[nodiscard]] bool receive_wants_to_send() const { return tls_ && tls_->receive_wants_to_send(); }
  [[nodiscard]] bool send_wants_to_receive() const { return tls_ && tls_->send_wants_to_receive(); }

 private:
  raw_socket socket_;
  std::optional<tls_channel> tls_;
};

} // namespace holdwater::proxy
