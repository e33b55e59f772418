// MariaDB's ed25519: its own test's key and signature, and what must not verify.
#include "protocol/ed25519.hpp"
#include "tests/unit/protocol/answers.hpp"

#include <doctest/doctest.h>

using namespace holdwater::protocol;

namespace {

const std::string nonce(ed25519_nonce_size, 'A');

std::string bytes_of(const char* hex) {
  return std::string(as_text(test::from_hex(hex)));
}

} // namespace

TEST_CASE("the key and the signature are those of MariaDB's plugin for the password foobar") {
  CHECK(ed25519_public_key("foobar") ==
        bytes_of("aafda61ba1d60aecb7d9295be71855e131d2b5ec0dcf65483553db824f97009f"));
  CHECK(ed25519_sign("foobar", as_bytes(nonce)) ==
        bytes_of("e83dc93f433f333556 49ee23aa7592d61a1123090884f58d3063423a24e43054"
                 "73febba858a2f93923554feea76a4475388 7ab2f140e854f0fe57ca0b0648a0e"));
}

TEST_CASE("a signature verifies with its own password and nonce only") {
  for (const std::string password :
       {"", "secret", "a password that is much longer than the thirty-two bytes of a seed"}) {
    const auto key = ed25519_public_key(password);
    const auto signature = ed25519_sign(password, as_bytes(nonce));
    REQUIRE(signature.size() == ed25519_signature_size);
    CHECK(ed25519_verify(as_bytes(signature), as_bytes(nonce), key));
    CHECK_FALSE(ed25519_verify(as_bytes(signature), as_bytes(nonce), ed25519_public_key(password + "x")));
    CHECK_FALSE(ed25519_verify(as_bytes(signature), as_bytes(std::string(ed25519_nonce_size, 'B')), key));
    for (std::size_t at = 0; at < signature.size(); ++at) {
      auto broken = signature;
      broken[at] = static_cast<char>(broken[at] ^ 1);
      CHECK_FALSE(ed25519_verify(as_bytes(broken), as_bytes(nonce), key));
    }
    CHECK_FALSE(ed25519_verify(as_bytes(signature).first(63), as_bytes(nonce), key));
    CHECK_FALSE(ed25519_verify({}, as_bytes(nonce), key));
  }
}

TEST_CASE("no two nonces are the same") {
  const auto one = make_ed25519_nonce(), other = make_ed25519_nonce();
  REQUIRE(one.has_value());
  REQUIRE(other.has_value());
  CHECK(one->size() == ed25519_nonce_size);
  CHECK(*one != *other);
}
