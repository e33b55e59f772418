// A password under an RSA key, as caching_sha2_password's full authentication sends it where the transport is
// not encrypted: sealed for a server's key, or opened with our own.
//
// Source: MySQL "Caching_sha2_password information": password and its zero byte, XOR the salt, RSA-OAEP
// (SHA-1, MGF1).
#pragma once

#include "protocol/error.hpp"
#include "protocol/packet.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace holdwater::protocol {

// `public_key` is PEM text. Errors: cryptography_failed.
[[nodiscard]] result<byte_buffer> encrypt_password(std::string_view password, std::string_view salt,
                                                   std::string_view public_key);

// A private key. Read-only once it is made, so that threads may share it.
class rsa_key {
 public:
  // `pem` is the private key's text. Errors: cryptography_failed, also for a key that is not RSA.
  [[nodiscard]] static result<rsa_key> read(std::string_view pem);

  // What clients encrypt with, as PEM text.
  [[nodiscard]] const std::string& public_pem() const { return public_pem_; }
  // The password without its zero byte, which is the caller's to wipe(). Errors: cryptography_failed.
  [[nodiscard]] result<std::string> open(byte_span sealed, std::string_view salt) const;

 private:
  std::shared_ptr<void> key_; // OpenSSL's
  std::string public_pem_;
};

} // namespace holdwater::protocol
