#include "proxy/net/tls_files.hpp"

#include "protocol/c_ptr.hpp"
#include "proxy/durable_file.hpp"
#include "proxy/net/tls_context.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <unistd.h>

namespace holdwater::proxy {
namespace {

constexpr unsigned key_bits = 2048;
constexpr long ten_years_s = 10L * 365 * 24 * 3600;
constexpr long a_day_s = 24L * 3600; // clocks differ

using bio_ptr = protocol::c_ptr<BIO, &BIO_free>;
using key_ptr = protocol::c_ptr<EVP_PKEY, &EVP_PKEY_free>;
using certificate_ptr = protocol::c_ptr<X509, &X509_free>;
using extension_ptr = protocol::c_ptr<X509_EXTENSION, &X509_EXTENSION_free>;

bool is_there(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

std::string write_file(const std::string& path, BIO* content) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(content, &text);
  return write_durably(path, {text, static_cast<std::size_t>(size)});
}

key_ptr read_key(const std::string& path) {
  const bio_ptr file(BIO_new_file(path.c_str(), "r"));
  return key_ptr(file ? PEM_read_bio_PrivateKey(file.get(), nullptr, nullptr, nullptr) : nullptr);
}

bool extend(X509* certificate, int what, const char* value) {
  X509V3_CTX context{};
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const extension_ptr made(X509V3_EXT_conf_nid(nullptr, &context, what, value));
  return made && X509_add_ext(certificate, made.get(), -1) == 1;
}

// Its own authority, so that a client may name it as the one that it trusts.
certificate_ptr sign_itself(EVP_PKEY* key) {
  certificate_ptr made(X509_new());
  std::uint64_t serial = 0;
  if (!made || RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1) return nullptr;
  X509_NAME* const name = X509_get_subject_name(made.get());
  const auto* const called = reinterpret_cast<const unsigned char*>("Holdwater, self-signed");
  const bool good = X509_set_version(made.get(), X509_VERSION_3) == 1 &&
                    ASN1_INTEGER_set_uint64(X509_get_serialNumber(made.get()), serial >> 1) == 1 &&
                    X509_gmtime_adj(X509_getm_notBefore(made.get()), -a_day_s) != nullptr &&
                    X509_gmtime_adj(X509_getm_notAfter(made.get()), ten_years_s) != nullptr &&
                    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, called, -1, -1, 0) == 1 &&
                    X509_set_issuer_name(made.get(), name) == 1 && X509_set_pubkey(made.get(), key) == 1 &&
                    extend(made.get(), NID_basic_constraints, "critical,CA:TRUE") &&
                    extend(made.get(), NID_subject_key_identifier, "hash") &&
                    X509_sign(made.get(), key, EVP_sha256()) > 0;
  return good ? std::move(made) : nullptr;
}

std::string make_key(const std::string& path, key_ptr& out) {
  out.reset(EVP_RSA_gen(key_bits));
  const bio_ptr text(BIO_new(BIO_s_mem()));
  if (!out || !text ||
      PEM_write_bio_PrivateKey(text.get(), out.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return fmt::format("a TLS key cannot be made: {}", tls_error_text());
  return write_file(path, text.get());
}

std::string make_certificate(const std::string& path, EVP_PKEY* key) {
  const auto made = sign_itself(key);
  const bio_ptr text(BIO_new(BIO_s_mem()));
  if (!made || !text || PEM_write_bio_X509(text.get(), made.get()) != 1)
    return fmt::format("a TLS certificate cannot be made: {}", tls_error_text());
  return write_file(path, text.get());
}

} // namespace

std::string make_tls_files(const std::string& folder, bool with_certificate, tls_files& out) {
  out = {folder + "/tls_certificate.pem", folder + "/tls_key.pem"};
  if (is_there(out.key) && (is_there(out.certificate) || !with_certificate)) return {};
  ERR_clear_error();
  key_ptr key;
  if (is_there(out.key)) {
    key = read_key(out.key);
    if (!key) return fmt::format("the key {} cannot be used: {}", out.key, tls_error_text());
  } else if (auto problem = make_key(out.key, key); !problem.empty()) {
    return problem;
  }
  if (!with_certificate) return {};
  if (auto problem = make_certificate(out.certificate, key.get()); !problem.empty()) return problem;
  spdlog::info("made a self-signed TLS certificate, {}", out.certificate);
  return {};
}

} // namespace holdwater::proxy
