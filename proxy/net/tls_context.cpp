#include "proxy/net/tls_context.hpp"

#include <fmt/format.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include <array>
#include <cstring>

namespace holdwater::proxy {

std::string tls_error_text() {
  const auto code = ERR_peek_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  std::string text = reason != nullptr                     ? reason
                     : code != 0 && ERR_SYSTEM_ERROR(code) ? std::strerror(ERR_GET_REASON(code))
                                                           : "unknown error";
  ERR_clear_error();
  return text;
}

tls_context::tls_context(bool accepts, bool required)
    : context_(SSL_CTX_new(accepts ? TLS_server_method() : TLS_client_method())), accepts_(accepts),
      required_(required) {
  if (!context_) return;
  auto* const made = context_.get();
  SSL_CTX_set_min_proto_version(made, TLS1_2_VERSION);
  // A send that blocked is repeated with the same bytes, perhaps from another place; idle connections hold no
  // buffers; a record's header and body come with one system call.
  SSL_CTX_set_mode(made, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                             SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(made, 1);
  // The protocol above marks its own ends, so that a peer that just hangs up does no harm.
  SSL_CTX_set_options(made, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_COMPRESSION |
                                SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF); // tickets need no memory of ours
  constexpr std::string_view name = "holdwater";
  SSL_CTX_set_session_id_context(made, reinterpret_cast<const unsigned char*>(name.data()), name.size());
}

std::string tls_context::show(const std::string& certificate, const std::string& key) {
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(context_.get(), certificate.c_str()) != 1)
    return fmt::format("the certificate {} cannot be used: {}", certificate, tls_error_text());
  if (SSL_CTX_use_PrivateKey_file(context_.get(), key.c_str(), SSL_FILETYPE_PEM) != 1)
    return fmt::format("the key {} cannot be used for the certificate {}: {}", key, certificate,
                       tls_error_text());
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (X509_digest(SSL_CTX_get0_certificate(context_.get()), EVP_sha256(), digest.data(), &size) == 1)
    fingerprint_.assign(digest.begin(), digest.begin() + size);
  return {};
}

std::string tls_context::trust(const std::string& ca) {
  ERR_clear_error();
  if (SSL_CTX_load_verify_file(context_.get(), ca.c_str()) != 1)
    return fmt::format("the authority's certificate {} cannot be used: {}", ca, tls_error_text());
  return {};
}

std::string tls_context::for_clients(const options::client_tls_options& from,
                                     std::unique_ptr<const tls_context>& out) {
  std::unique_ptr<tls_context> made(new tls_context(true, from.mode == "required"));
  if (!made->context_) return tls_error_text();
  // For TLS 1.2: a key that is stolen later opens nothing that was recorded before. 1.3 has no others.
  if (SSL_CTX_set_cipher_list(made->get(), "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES") != 1)
    return tls_error_text();
  if (from.min_version == "1.3") SSL_CTX_set_min_proto_version(made->get(), TLS1_3_VERSION);
  if (auto problem = made->show(from.certificate, from.key); !problem.empty()) return problem;
  if (!from.ca.empty()) {
    if (auto problem = made->trust(from.ca); !problem.empty()) return problem;
    SSL_CTX_set_client_CA_list(made->get(), SSL_load_client_CA_file(from.ca.c_str()));
    SSL_CTX_set_verify(made->get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  out = std::move(made);
  return {};
}

std::string tls_context::for_server(const options::server_tls_options& from,
                                    std::unique_ptr<const tls_context>& out) {
  const bool follows = from.mode == "as_client";
  std::unique_ptr<tls_context> made(new tls_context(false, !follows && from.mode != "preferred"));
  if (!made->context_) return tls_error_text();
  made->follows_client_ = follows;
  if (!from.certificate.empty())
    if (auto problem = made->show(from.certificate, from.key); !problem.empty()) return problem;
  if (from.mode == "verify_ca") made->check_ = tls_check::chain;
  if (from.mode == "verify_identity") made->check_ = tls_check::chain_and_name;
  if (made->check_ != tls_check::nothing) {
    if (!from.ca.empty()) {
      if (auto problem = made->trust(from.ca); !problem.empty()) return problem;
    } else if (SSL_CTX_set_default_verify_paths(made->get()) != 1) {
      return fmt::format("the system's authorities cannot be read: {}", tls_error_text());
    }
    SSL_CTX_set_verify(made->get(), SSL_VERIFY_PEER, nullptr);
  }
  out = std::move(made);
  return {};
}

} // namespace holdwater::proxy
