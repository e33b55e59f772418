// MariaDB's ed25519 authentication: Ed25519 with the SHA-512 of the password in the place where RFC 8032
// hashes a random seed. The account's public key follows from the password, the client signs 32 random bytes.
//
// Source: MariaDB "Authentication Plugin - ed25519"; RFC 8032, section 5.1. OpenSSL takes 32-byte seeds only,
// so the arithmetic is libsodium's.
#pragma once

#include "protocol/error.hpp"
#include "protocol/packet.hpp"

#include <string>
#include <string_view>

namespace holdwater::protocol {

inline constexpr std::size_t ed25519_nonce_size = 32;
inline constexpr std::size_t ed25519_key_size = 32;
inline constexpr std::size_t ed25519_signature_size = 64;

// Random bytes for a client to sign. Errors: cryptography_failed.
[[nodiscard]] result<std::string> make_ed25519_nonce();

// All of these are empty or false when libsodium fails, which matches nothing.
[[nodiscard]] std::string ed25519_public_key(std::string_view password);
[[nodiscard]] std::string ed25519_sign(std::string_view password, byte_span nonce);
[[nodiscard]] bool ed25519_verify(byte_span signature, byte_span nonce, std::string_view public_key);

} // namespace holdwater::protocol
