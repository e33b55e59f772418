// TLS over a non-blocking socket: OpenSSL's records in and out, with its two surprises told to the caller,
// that a receive may have to wait for room to send and the other way round.
//
// Invariants: no bytes are kept back after a send that moved some: a blocked send must be repeated with the
// same bytes, or the channel closed. This thread's OpenSSL error queue is emptied before each call, since all
// connections share it.
#pragma once

#include "proxy/net/raw_socket.hpp"
#include "proxy/net/tls_context.hpp"

#include <memory>
#include <string>

namespace holdwater::proxy {

class tls_channel {
 public:
  // `host` is whom we connect to: sent as the name that is wanted, and compared when the context says so.
  // `early` are bytes of the peer's handshake that were received already.
  tls_channel(const tls_context& context, raw_socket& socket, const std::string& host,
              protocol::byte_span early);
  tls_channel(const tls_channel&) = delete;
  tls_channel& operator=(const tls_channel&) = delete;
  ~tls_channel();

  // moved: the handshake is done.
  io_step shake_hands();
  io_step receive(std::span<std::uint8_t> room);
  io_step send(protocol::byte_span bytes);
  // Tells the peer that nothing follows, if that can be said without waiting.
  void say_goodbye();

  [[nodiscard]] bool has_pending() const; // receive() may find bytes without the socket
  [[nodiscard]] bool receive_wants_to_send() const { return receive_wants_to_send_; }
  [[nodiscard]] bool send_wants_to_receive() const { return send_wants_to_receive_; }
  [[nodiscard]] const std::string& problem() const {
    return problem_;
  } // why it was closed, if not by the peer
  [[nodiscard]] const char* version() const { return SSL_get_version(ssl_.get()); }
  [[nodiscard]] const char* cipher() const { return SSL_get_cipher_name(ssl_.get()); }

 private:
  friend struct tls_bio;
  struct freed {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  io_step explain(int result, bool& wants_the_other_way);

  raw_socket& socket_;
  protocol::byte_buffer early_;
  std::size_t early_used_ = 0;
  std::size_t blocked_size_ = 0; // of the send that must be repeated
  boost::system::error_code socket_error_;
  std::string problem_;
  bool accepts_ = false;
  bool receive_wants_to_send_ = false;
  bool send_wants_to_receive_ = false;
  std::unique_ptr<SSL, freed> ssl_;
};

} // namespace holdwater::proxy
