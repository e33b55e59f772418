// What all TLS connections of one side share: the certificate that is shown, whom is trusted, which versions
// are spoken. Made once at the start, then only read, from any thread.
//
// Source: OpenSSL 3 manual, SSL_CTX_new(3) and its neighbours.
#pragma once

#include "protocol/packet.hpp"
#include "proxy/config/options.hpp"

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>

namespace holdwater::proxy {

// What is asked of the other end of a connection that we open.
enum class tls_check : std::uint8_t {
  nothing,       // any certificate will do
  chain,         // it must be signed by a trusted authority
  chain_and_name // ... and be the one of the host that we connect to
};

class tls_context {
 public:
  // For connections that clients open to us. Returns what is wrong, empty when `out` is made.
  [[nodiscard]] static std::string for_clients(const options::client_tls_options& from,
                                               std::unique_ptr<const tls_context>& out);
  // For connections that we open to the server. Precondition: from.mode is not "off".
  [[nodiscard]] static std::string for_server(const options::server_tls_options& from,
                                              std::unique_ptr<const tls_context>& out);

  [[nodiscard]] SSL_CTX* get() const { return context_.get(); }
  [[nodiscard]] bool accepts() const { return accepts_; }   // the side that answers a handshake
  [[nodiscard]] bool required() const { return required_; } // without TLS there is no connection
  // There is TLS only behind a client that uses it.
  [[nodiscard]] bool follows_client() const { return follows_client_; }
  [[nodiscard]] tls_check check() const { return check_; }
  // SHA-256 over the certificate that we show; empty when we show none.
  [[nodiscard]] const protocol::byte_buffer& fingerprint() const { return fingerprint_; }

 private:
  struct freed {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  tls_context(bool accepts, bool required);
  [[nodiscard]] std::string show(const std::string& certificate, const std::string& key);
  [[nodiscard]] std::string trust(const std::string& ca);

  std::unique_ptr<SSL_CTX, freed> context_;
  bool accepts_;
  bool required_;
  bool follows_client_ = false;
  tls_check check_ = tls_check::nothing;
  protocol::byte_buffer fingerprint_;
};

// The first entry of this thread's OpenSSL error queue as a sentence, and an empty queue.
[[nodiscard]] std::string tls_error_text();

} // namespace holdwater::proxy
