// The scrambles of the two password plugins, the challenge, the proof of a certificate, and the comparison in
// constant time.
//
// Source: MySQL "Native Authentication", "Caching_sha2_password information"; of the proof MariaDB "Secure
// Connections Overview" and MariaDB Connector/C, which checks it in run_plugin_auth().
#include "protocol/auth.hpp"
#include "protocol/ed25519.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <initializer_list>
#include <memory>

namespace holdwater::protocol {
namespace {

constexpr char proof_mark = '\x01';
constexpr std::string_view hex_digits = "0123456789ABCDEF";
constexpr std::size_t proof_size = 1 + 2 * 32;

// Fails only when OpenSSL has no memory or no such digest; the empty result then matches no stored secret.
std::string digest(const EVP_MD* kind, std::initializer_list<std::string_view> parts) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  bool good = context != nullptr && EVP_DigestInit_ex(context.get(), kind, nullptr) == 1;
  for (const std::string_view part : parts)
    good = good && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  good = good && EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size) == 1;
  out.resize(good ? size : 0);
  return out;
}

std::string exclusive_or(std::string left, std::string_view right) {
  left.resize(std::min(left.size(), right.size()));
  for (std::size_t i = 0; i < left.size(); ++i) left[i] = static_cast<char>(left[i] ^ right[i]);
  return left;
}

} // namespace

result<challenge> make_challenge() {
  challenge salt{};
  if (RAND_bytes(salt.data(), static_cast<int>(salt.size())) != 1) return errc::cryptography_failed;
  for (std::uint8_t& byte : salt) {
    byte &= 0x7f;
    if (byte == 0 || byte == '$') ++byte;
  }
  return salt;
}

std::string scramble_native(std::string_view password, byte_span salt) {
  if (password.empty()) return {};
  const secret once(digest(EVP_sha1(), {password})); // as good as the password
  const std::string twice = digest(EVP_sha1(), {once.text()});
  return exclusive_or(digest(EVP_sha1(), {as_text(salt), twice}), once.text());
}

std::string scramble_sha2(std::string_view password, byte_span salt) {
  if (password.empty()) return {};
  const secret once(digest(EVP_sha256(), {password}));
  const std::string twice = digest(EVP_sha256(), {once.text()});
  return exclusive_or(digest(EVP_sha256(), {twice, as_text(salt)}), once.text());
}

std::string certificate_proof(std::string_view plugin_name, std::string_view password, byte_span salt,
                              byte_span fingerprint) {
  if (password.empty() || fingerprint.empty()) return {};
  std::string stored;
  if (plugin_name == plugin::mysql_native_password) {
    const secret once(digest(EVP_sha1(), {password}));
    stored = digest(EVP_sha1(), {once.text()});
  } else if (plugin_name == plugin::client_ed25519) {
    stored = ed25519_public_key(password);
  }
  if (stored.empty()) return {};
  const std::string sum = digest(EVP_sha256(), {stored, as_text(salt), as_text(fingerprint)});
  if (sum.empty()) return {};
  std::string proof(1, proof_mark);
  for (const char each : sum) {
    const auto byte = static_cast<unsigned char>(each);
    proof += hex_digits[byte >> 4];
    proof += hex_digits[byte & 0x0f];
  }
  return proof;
}

bool is_certificate_proof(std::string_view info) {
  return info.size() == proof_size && info.front() == proof_mark &&
         info.find_first_not_of(hex_digits, 1) == std::string_view::npos;
}

bool equal_secrets(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace holdwater::protocol
