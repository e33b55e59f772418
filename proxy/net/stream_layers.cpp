#include "proxy/net/stream_layers.hpp"

namespace holdwater::proxy {

io_step stream_layers::receive(std::span<std::uint8_t> room) {
  return tls_ ? tls_->receive(room) : socket_.receive(room);
}

io_step stream_layers::send(protocol::byte_span bytes) {
  return tls_ ? tls_->send(bytes) : socket_.send(bytes);
}

void stream_layers::say_goodbye() {
  if (tls_) tls_->say_goodbye();
}

} // namespace holdwater::proxy
