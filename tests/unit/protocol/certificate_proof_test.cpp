// The proof in a login's OK that a certificate is of one who knows the password.
#include "protocol/auth.hpp"
#include "tests/unit/protocol/answers.hpp"

#include <doctest/doctest.h>

using namespace holdwater::protocol;

namespace {

const byte_buffer salt = test::from_hex("32 34 51 78 2d 70 70 60 70 32 45 45 6b 69 50 32 4a 5b 6b 29");
const byte_buffer fingerprint = test::from_hex(
    "1b d9 67 9b 69 6d 8e 0f 2d 1f 81 a9 73 3a 79 d6 16 7a c3 be ce 04 3c 0d 10 ad 10 30 22 05 80 b7");
constexpr std::string_view native = plugin::mysql_native_password;

} // namespace

TEST_CASE("a certificate is proved by the password as MariaDB 11.8 proves its own") {
  const std::string recorded = "\x01"
                               "423DE62777442F2A71DCE3791D6F78DC3CBF7C7FD719EA6A4A5AFFF92AB9F654";
  CHECK(certificate_proof(native, "secret", salt, fingerprint) == recorded);
  CHECK(is_certificate_proof(recorded));
}

TEST_CASE("the proof depends on password, challenge, certificate and plugin") {
  const auto proof = certificate_proof(native, "secret", salt, fingerprint);
  byte_buffer other_salt = salt, other_fingerprint = fingerprint;
  other_salt.back() ^= 1;
  other_fingerprint.back() ^= 1;
  CHECK(certificate_proof(native, "Secret", salt, fingerprint) != proof);
  CHECK(certificate_proof(native, "secret", other_salt, fingerprint) != proof);
  CHECK(certificate_proof(native, "secret", salt, other_fingerprint) != proof);
  const auto signed_one = certificate_proof(plugin::client_ed25519, "secret", salt, fingerprint);
  CHECK(is_certificate_proof(signed_one));
  CHECK(signed_one != proof);
}

TEST_CASE("there is no proof without a password, without a certificate, or by a plugin that has none") {
  CHECK(certificate_proof(native, "", salt, fingerprint).empty());
  CHECK(certificate_proof(native, "secret", salt, {}).empty());
  CHECK(certificate_proof(plugin::caching_sha2_password, "secret", salt, fingerprint).empty());
}

TEST_CASE("what else an OK says is not taken for a proof") {
  const auto proof = certificate_proof(native, "secret", salt, fingerprint);
  CHECK_FALSE(is_certificate_proof(""));
  CHECK_FALSE(is_certificate_proof("Rows matched: 1  Changed: 1  Warnings: 0"));
  CHECK_FALSE(is_certificate_proof(proof.substr(1)));
  CHECK_FALSE(is_certificate_proof(proof.substr(0, proof.size() - 1)));
  CHECK_FALSE(is_certificate_proof(proof.substr(0, proof.size() - 1) + "g"));
}
