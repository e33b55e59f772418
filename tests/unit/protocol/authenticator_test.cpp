// The server's side of authentication, with the client's side of this folder and with clients that are
// peculiar.
#include "protocol/auth.hpp"
#include "protocol/ed25519.hpp"
#include "protocol/rsa.hpp"
#include "tests/unit/protocol/answers.hpp"

#include <doctest/doctest.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <memory>
#include <set>

using namespace holdwater::protocol;
using step = authenticator::step;

namespace {

constexpr std::string_view native = plugin::mysql_native_password;
constexpr std::string_view sha2 = plugin::caching_sha2_password;

challenge salt_of(const char* hex) {
  challenge salt{};
  std::ranges::copy(test::from_hex(hex), salt.begin());
  return salt;
}

const challenge salt = salt_of("62 50 48 59 68 7c 57 7d 30 74 79 26 4d 30 48 58 64 6b 6b 5b");

std::string scramble(std::string_view name, std::string_view password, byte_span with) {
  return name == native ? scramble_native(password, with) : scramble_sha2(password, with);
}

authenticator server(std::string password, std::string_view offered) {
  return {std::move(password), std::string(offered), salt, false};
}

// The challenge in an authentication switch that the authenticator asks for.
std::string switched_salt(const authenticator& from, std::string_view name) {
  const auto request = parse_auth_switch(from.reply());
  REQUIRE(request.has_value());
  CHECK(request->plugin == name);
  REQUIRE(request->data.size() == challenge_size + 1);
  CHECK(request->data.back() == '\0');
  return request->data.substr(0, challenge_size);
}

// A fresh RSA key as PEM text.
std::string test_key_pem() {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_RSA_gen(2048), &EVP_PKEY_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
  REQUIRE(PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

} // namespace

TEST_CASE("the scrambles follow the formulas in the manual") {
  CHECK(scramble_native("pw1", salt).size() == 20);
  CHECK(scramble_sha2("pw1", salt).size() == 32);
  CHECK(scramble_native("", salt).empty());
  CHECK(scramble_sha2("", salt).empty());
  CHECK(scramble_native("pw1", salt) == as_text(test::from_hex("90c46ea076fd22c926f38af13e717735f79ca94f")));
  CHECK(scramble_sha2("pw1", salt) ==
        as_text(test::from_hex("0c9218adb6bedc3bf61d16cfcbf5f3b26f3b46e0b1bf0d6d6b6b957a687f0561")));
}

TEST_CASE("a challenge has no zero byte and no '$', and is never the same") {
  std::set<challenge> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto made = make_challenge();
    REQUIRE(made.has_value());
    CHECK(std::ranges::none_of(*made,
                               [](std::uint8_t byte) { return byte == 0 || byte == '$' || byte > 127; }));
    CHECK(seen.insert(*made).second);
  }
}

TEST_CASE("the right password is accepted and a wrong one is not") {
  for (const std::string_view name : {native, sha2}) {
    authenticator good = server("pw1", name);
    CHECK(good.start(name, as_bytes(scramble(name, "pw1", salt))) == step::succeed);
    CHECK(good.reply() == (name == sha2 ? test::from_hex("01 03") : byte_buffer{}));
    authenticator bad = server("pw1", name);
    CHECK(bad.start(name, as_bytes(scramble(name, "pw2", salt))) == step::fail);
    CHECK(bad.feed(as_bytes(scramble(name, "pw1", salt))) == step::fail);
  }
}

TEST_CASE("an empty password takes an empty answer in its spellings, and nothing else") {
  for (const std::string_view name : {native, sha2}) {
    CHECK(server("", name).start(name, {}) == step::succeed);
    CHECK(server("", name).start(name, test::from_hex("00")) == step::succeed);
    CHECK(server("", name).start("", {}) == step::succeed);
    CHECK(server("", name).start(name, as_bytes(scramble(name, "pw1", salt))) == step::fail);
  }
}

TEST_CASE("a zero byte behind the scramble is ignored, another byte is not") {
  for (const std::string_view name : {native, sha2}) {
    CHECK(server("pw1", name).start(name, as_bytes(scramble(name, "pw1", salt) + '\0')) == step::succeed);
    CHECK(server("pw1", name).start(name, as_bytes(scramble(name, "pw1", salt) + 'x')) == step::fail);
  }
}

TEST_CASE("an answer that is too early, too late or for another plugin leads to one switch") {
  struct row {
    std::string_view offered, named;
    bool empty;
    std::string_view expected;
  };
  for (const row& each : {row{native, native, true, native}, row{sha2, sha2, true, sha2},
                          row{sha2, native, true, native}, row{native, sha2, false, sha2},
                          row{sha2, "parsec", false, sha2}, row{"parsec", "parsec", false, native},
                          row{"parsec", sha2, false, sha2}, row{"unix_socket", "dialog", true, native}}) {
    const std::string first = each.empty ? "" : scramble(native, "pw1", salt);
    authenticator asked = server("pw1", each.offered);
    REQUIRE(asked.start(each.named, as_bytes(first)) == step::send);
    const std::string fresh = switched_salt(asked, each.expected);
    CHECK(fresh != as_text(salt));
    CHECK(asked.feed(as_bytes(scramble(each.expected, "pw1", as_bytes(fresh)))) == step::succeed);
    CHECK(asked.feed(as_bytes(scramble(each.expected, "pw1", as_bytes(fresh)))) == step::fail);

    authenticator stubborn = server("pw1", each.offered);
    REQUIRE(stubborn.start(each.named, as_bytes(first)) == step::send);
    CHECK(stubborn.feed({}) == step::fail);
  }
}

TEST_CASE("another plugin's right answer to the same challenge needs no switch") {
  // libmariadb in COM_CHANGE_USER: its own default plugin, with the challenge that it has stored
  CHECK(server("pw1", sha2).start(native, as_bytes(scramble_native("pw1", salt))) == step::succeed);
  authenticator asked = server("pw1", native);
  CHECK(asked.start(sha2, as_bytes(scramble_sha2("pw1", salt))) == step::succeed);
  CHECK(asked.reply() == test::from_hex("01 03"));
  CHECK(server("pw1", sha2).start(native, as_bytes(scramble_native("pw2", salt))) == step::send);
}

TEST_CASE("the challenge that lasts is the last one for mysql_native_password") {
  authenticator as_greeted = server("pw1", sha2);
  REQUIRE(as_greeted.start(sha2, {}) == step::send);
  CHECK(as_greeted.lasting_salt() == salt);
  authenticator switched = server("pw1", native);
  REQUIRE(switched.start(native, {}) == step::send);
  const auto lasting = switched.lasting_salt();
  CHECK(as_text(byte_span(lasting)) == switched_salt(switched, native));
}

TEST_CASE("an answer to the greeting's challenge does not answer the switch's") {
  authenticator asked = server("pw1", native);
  REQUIRE(asked.start(native, {}) == step::send);
  CHECK(asked.feed(as_bytes(scramble_native("pw1", salt))) == step::fail);
}

TEST_CASE("both sides of this folder understand each other") {
  for (const std::string_view offered : {native, sha2, std::string_view("parsec")}) {
    for (const std::string password : {"", "pw1", "geheim-\xc3\xa4"}) {
      greeting hello;
      hello.salt = salt;
      hello.auth_plugin = offered;
      auth_client client(password, false);
      client.start(hello);
      authenticator asked = server(password, offered);
      step now = asked.start(client.plugin(), client.reply());
      if (now == step::send) {
        REQUIRE(*client.feed(asked.reply()) == auth_client::step::send);
        now = asked.feed(client.reply());
      }
      REQUIRE(now == step::succeed);
      if (!asked.reply().empty()) CHECK(*client.feed(asked.reply()) == auth_client::step::wait);
    }
  }
}

TEST_CASE("secrets are equal when all their bytes are") {
  CHECK(equal_secrets("abc", "abc"));
  CHECK_FALSE(equal_secrets("abc", "abd"));
  CHECK_FALSE(equal_secrets("abc", "ab"));
  CHECK(equal_secrets("", ""));
}

TEST_CASE("a client is switched to the plugin that its account requires") {
  for (const auto& [name, salt_size] :
       {std::pair{native, 21}, std::pair{sha2, 21}, std::pair{plugin::client_ed25519, 32}}) {
    CAPTURE(name);
    authenticator check("secret", std::string(native), salt, false, std::string(name));
    auto said = check.start(name == native ? sha2 : native, as_bytes(scramble_native("secret", salt)));
    REQUIRE(said == step::send);
    const auto request = parse_auth_switch(check.reply());
    REQUIRE(request.has_value());
    CHECK(request->plugin == name);
    REQUIRE(request->data.size() == static_cast<std::size_t>(salt_size));
    const auto data = as_bytes(request->data);
    const auto proof = name == plugin::client_ed25519 ? ed25519_sign("secret", data)
                                                      : scramble(name, "secret", data.first(challenge_size));
    auto again = check;
    CHECK(check.feed(as_bytes(proof)) == step::succeed);
    auto broken = proof;
    broken[0] = static_cast<char>(broken[0] ^ 1);
    CHECK(again.feed(as_bytes(broken)) == step::fail);
    CHECK(again.feed(as_bytes(proof)) == step::fail); // a challenge is answered once
  }
}

TEST_CASE("a client may ask for ed25519 itself") {
  authenticator check("secret", std::string(native), salt, false);
  REQUIRE(check.start(plugin::client_ed25519, {}) == step::send);
  const auto request = parse_auth_switch(check.reply());
  REQUIRE(request.has_value());
  CHECK(check.feed(as_bytes(ed25519_sign("secret", as_bytes(request->data)))) == step::succeed);
}

TEST_CASE("a wrong scramble of caching_sha2_password is followed by the full exchange") {
  const auto mismatch = std::string(32, 'x');
  authenticator over_tls("secret", std::string(sha2), salt, true);
  REQUIRE(over_tls.start(sha2, as_bytes(mismatch)) == step::send);
  CHECK(over_tls.reply() == byte_buffer{0x01, 0x04});
  auto wrong = over_tls;
  CHECK(over_tls.feed(as_bytes(std::string_view("secret\0", 7))) == step::succeed);
  CHECK(over_tls.reply().empty());
  CHECK(wrong.feed(as_bytes(std::string_view("other\0", 6))) == step::fail);
  CHECK(wrong.feed(as_bytes(std::string_view("secret\0", 7))) == step::fail); // one chance
}

TEST_CASE("the full exchange without TLS goes under our RSA key") {
  const auto key = rsa_key::read(test_key_pem());
  REQUIRE(key.has_value());
  const auto mismatch = std::string(32, 'x');
  for (const std::string password : {"secret", "wrong"}) {
    authenticator check("secret", std::string(sha2), salt, false, {}, &*key);
    REQUIRE(check.start(sha2, as_bytes(mismatch)) == step::send);
    auto hasty = check;
    REQUIRE(check.feed(byte_buffer{0x02}) == step::send);
    REQUIRE(check.reply().front() == 0x01);
    const auto pem = as_text(check.reply()).substr(1);
    const auto sealed = encrypt_password(password, as_text(salt), pem);
    REQUIRE(sealed.has_value());
    const auto expected = password == "secret" ? step::succeed : step::fail;
    CHECK(check.feed(*sealed) == expected);
    CHECK(hasty.feed(*sealed) == expected); // it has the key from an earlier time
    CHECK(hasty.feed(*sealed) == step::fail);
  }
}

// Somebody who has recorded a login knows each byte of it, and gets another challenge.
TEST_CASE("a recorded proof is good for the challenge that it answered, and for no other") {
  const auto key = rsa_key::read(test_key_pem());
  REQUIRE(key.has_value());
  const auto fresh = make_challenge();
  REQUIRE(fresh.has_value());
  for (const auto name : {native, sha2}) {
    const auto recorded = scramble(name, "secret", salt);
    authenticator same("secret", std::string(name), salt, false);
    CHECK(same.start(name, as_bytes(recorded)) == step::succeed);
    authenticator later("secret", std::string(name), *fresh, false);
    CHECK(later.start(name, as_bytes(recorded)) == step::fail);
  }
  const auto sealed = encrypt_password("secret", as_text(salt), key->public_pem());
  REQUIRE(sealed.has_value());
  authenticator under_key("secret", std::string(sha2), *fresh, false, {}, &*key);
  REQUIRE(under_key.start(sha2, as_bytes(std::string(32, 'x'))) == step::send);
  CHECK(under_key.feed(*sealed) == step::fail);

  std::string recorded;
  for (const bool again : {false, true}) {
    authenticator check("secret", std::string(native), salt, false, std::string(plugin::client_ed25519));
    REQUIRE(check.start(native, {}) == step::send);
    const auto request = parse_auth_switch(check.reply());
    REQUIRE(request.has_value());
    if (!again) recorded = ed25519_sign("secret", as_bytes(request->data));
    CHECK(check.feed(as_bytes(recorded)) == (again ? step::fail : step::succeed));
  }
}
