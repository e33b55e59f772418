// What lies between a transport and its socket when there is more than nothing: TLS, the compressed protocol,
// or the second above the first.
//
// Invariant: as in tls_channel.hpp: what a send moved has left; a blocked send is repeated with the same
// bytes.
#pragma once

#include "proxy/net/compressed_channel.hpp"
#include "proxy/net/secured_socket.hpp"

#include <optional>
#include <string>

namespace holdwater::proxy {

class stream_layers {
 public:
  explicit stream_layers(int descriptor) : below_(descriptor) {}

  void add_tls(const tls_context& context, const std::string& host, protocol::byte_span early) {
    below_.add_tls(context, host, early);
  }
  void add_compression(facing whom, protocol::compression how, int level, protocol::byte_span early) {
    compressed_.emplace(below_, whom, how, level, early);
  }
  [[nodiscard]] tls_channel* tls() { return below_.tls(); }
  [[nodiscard]] const tls_channel* tls() const { return below_.tls(); }
  [[nodiscard]] compressed_channel* compressed() { return compressed_ ? &*compressed_ : nullptr; }

  io_step receive(std::span<std::uint8_t> room) {
    return compressed_ ? compressed_->receive(room) : below_.receive(room);
  }
  io_step send(protocol::byte_span bytes) {
    return compressed_ ? compressed_->send(bytes) : below_.send(bytes);
  }
  void say_goodbye() {
    if (tls() != nullptr) tls()->say_goodbye();
  }

  void refilled() { below_.refilled(); }
  // receive() may find bytes without the socket becoming readable.
  [[nodiscard]] bool may_have_more() const {
    return below_.may_have_more() || (compressed_ && compressed_->may_have_more());
  }
  [[nodiscard]] bool receive_wants_to_send() const { return tls() && tls()->receive_wants_to_send(); }
  [[nodiscard]] bool send_wants_to_receive() const { return tls() && tls()->send_wants_to_receive(); }

 private:
  secured_socket below_;
  std::optional<compressed_channel> compressed_;
};

} // namespace holdwater::proxy
