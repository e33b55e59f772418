// Encrypts a password for a server's RSA key, as caching_sha2_password's full authentication does where the
// transport is not encrypted.
//
// Source: MySQL "Caching_sha2_password information": password and its zero byte, XOR the salt, RSA-OAEP
// (SHA-1, MGF1).
#pragma once

#include "protocol/error.hpp"
#include "protocol/packet.hpp"

#include <string_view>

namespace holdwater::protocol {

// `public_key` is PEM text. Errors: cryptography_failed.
[[nodiscard]] result<byte_buffer> encrypt_password(std::string_view password, std::string_view salt,
                                                   std::string_view public_key);

} // namespace holdwater::protocol
