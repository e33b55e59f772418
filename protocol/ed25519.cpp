#include "protocol/ed25519.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <initializer_list>

namespace holdwater::protocol {
namespace {

using scalar = std::array<std::uint8_t, 32>;
using point = std::array<std::uint8_t, 32>;
using hash = std::array<std::uint8_t, 64>;

bool ready() {
  static const bool done = sodium_init() >= 0;
  return done;
}

hash sha512(std::initializer_list<byte_span> parts) {
  hash out{};
  crypto_hash_sha512_state state;
  crypto_hash_sha512_init(&state);
  for (const auto part : parts) crypto_hash_sha512_update(&state, part.data(), part.size());
  crypto_hash_sha512_final(&state, out.data());
  return out;
}

scalar reduced(const hash& wide) {
  scalar out{};
  crypto_core_ed25519_scalar_reduce(out.data(), wide.data());
  return out;
}

// The secret scalar with its bits set as RFC 8032 says, and what nonces are made with.
struct secret_key {
  scalar multiplier{};
  std::array<std::uint8_t, 32> prefix{};
  point public_key{};
  bool good = false;

  explicit secret_key(std::string_view password) {
    auto wide = sha512({as_bytes(password)});
    wide[0] &= 0xf8;
    wide[31] = static_cast<std::uint8_t>((wide[31] & 0x3f) | 0x40);
    std::copy_n(wide.begin(), multiplier.size(), multiplier.begin());
    std::copy_n(wide.begin() + multiplier.size(), prefix.size(), prefix.begin());
    sodium_memzero(wide.data(), wide.size());
    // NOLINTNEXTLINE(cppcoreguidelines-prefer-member-initializer): known when the rest is made
    good = ready() && crypto_scalarmult_ed25519_base_noclamp(public_key.data(), multiplier.data()) == 0;
  }
  ~secret_key() {
    sodium_memzero(multiplier.data(), multiplier.size());
    sodium_memzero(prefix.data(), prefix.size());
  }
  secret_key(const secret_key&) = delete;
  secret_key& operator=(const secret_key&) = delete;
};

} // namespace

result<std::string> make_ed25519_nonce() {
  if (!ready()) return errc::cryptography_failed;
  std::string nonce(ed25519_nonce_size, '\0');
  randombytes_buf(nonce.data(), nonce.size());
  return nonce;
}

std::string ed25519_public_key(std::string_view password) {
  const secret_key key(password);
  return key.good ? std::string(as_text(key.public_key)) : std::string();
}

std::string ed25519_sign(std::string_view password, byte_span nonce) {
  const secret_key key(password);
  if (!key.good) return {};
  const auto once = reduced(sha512({key.prefix, nonce}));
  point commitment{};
  if (crypto_scalarmult_ed25519_base_noclamp(commitment.data(), once.data()) != 0) return {};
  const auto challenge = reduced(sha512({commitment, key.public_key, nonce}));
  hash wide{}; // the multiplier is larger than the group's order
  std::copy(key.multiplier.begin(), key.multiplier.end(), wide.begin());
  const auto small = reduced(wide);
  sodium_memzero(wide.data(), wide.size());
  scalar proof{};
  crypto_core_ed25519_scalar_mul(proof.data(), challenge.data(), small.data());
  crypto_core_ed25519_scalar_add(proof.data(), proof.data(), once.data());
  return std::string(as_text(commitment)) + std::string(as_text(proof));
}

bool ed25519_verify(byte_span signature, byte_span nonce, std::string_view public_key) {
  return ready() && signature.size() == ed25519_signature_size && public_key.size() == ed25519_key_size &&
         crypto_sign_ed25519_verify_detached(signature.data(), nonce.data(), nonce.size(),
                                             as_bytes(public_key).data()) == 0;
}

} // namespace holdwater::protocol
