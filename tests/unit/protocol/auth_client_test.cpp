// The client's side of authentication against scripted servers, up to the sealed password.
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

using namespace holdwater::protocol;
using step = auth_client::step;

namespace {

greeting hello_with(std::string_view name) {
  greeting hello;
  hello.auth_plugin = name;
  std::ranges::fill(hello.salt, std::uint8_t{'s'});
  return hello;
}

byte_buffer switch_to(std::string_view name, std::string_view data) {
  byte_buffer out;
  append_auth_switch(out, 2, {std::string(name), std::string(data)});
  out.erase(out.begin(), out.begin() + packet_header_size);
  return out;
}

auth_client started(std::string password, bool secure, std::string_view offered) {
  auth_client client(std::move(password), secure);
  client.start(hello_with(offered));
  return client;
}

// A server's RSA key.
class server_key {
 public:
  server_key() : key_(EVP_RSA_gen(2048), &EVP_PKEY_free) { REQUIRE(key_ != nullptr); }

  std::string public_pem() const {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
    REQUIRE(PEM_write_bio_PUBKEY(bio.get(), key_.get()) == 1);
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    return {text, static_cast<std::size_t>(size)};
  }

  std::string private_pem() const {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
    REQUIRE(PEM_write_bio_PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    return {text, static_cast<std::size_t>(size)};
  }

  std::string open(const byte_buffer& sealed) const {
    const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
        EVP_PKEY_CTX_new(key_.get(), nullptr), &EVP_PKEY_CTX_free);
    REQUIRE(EVP_PKEY_decrypt_init(context.get()) == 1);
    REQUIRE(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) == 1);
    std::string out(512, '\0');
    std::size_t size = out.size();
    REQUIRE(EVP_PKEY_decrypt(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                             sealed.data(), sealed.size()) == 1);
    out.resize(size);
    return out;
  }

 private:
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
};

byte_buffer more_data(std::string_view text) {
  byte_buffer out{0x01};
  payload_writer(out).bytes(text);
  return out;
}

const byte_buffer ok = test::from_hex("00 00 00 02 00 00 00");
const byte_buffer full_auth = test::from_hex("01 04");
const std::string fresh_salt(20, 'f');

} // namespace

TEST_CASE("the first answer is for the greeting's plugin, and empty for one that is not known") {
  const greeting hello = hello_with("");
  CHECK(started("pw", false, "").plugin() == plugin::mysql_native_password);
  CHECK(as_text(started("pw", false, "").reply()) == scramble_native("pw", hello.salt));
  CHECK(as_text(started("pw", false, "caching_sha2_password").reply()) == scramble_sha2("pw", hello.salt));
  CHECK(started("pw", false, "client_ed25519").plugin() == plugin::mysql_native_password);
  CHECK(started("pw", false, "client_ed25519").reply().empty());
}

TEST_CASE("the server's OK and ERR end the exchange") {
  CHECK(*started("pw", false, "").feed(ok) == step::succeed);
  CHECK(*started("pw", false, "").feed(test::from_hex("ff 15 04 23 32 38 30 30 30")) == step::fail);
}

TEST_CASE("a switch is answered with its own challenge, with and without the zero byte") {
  for (const std::string& data : {fresh_salt, fresh_salt + '\0'}) {
    auth_client client = started("pw", false, "caching_sha2_password");
    REQUIRE(*client.feed(switch_to(plugin::mysql_native_password, data)) == step::send);
    CHECK(client.plugin() == plugin::mysql_native_password);
    CHECK(as_text(client.reply()) == scramble_native("pw", as_bytes(fresh_salt)));
    CHECK(client.feed(switch_to(plugin::mysql_native_password, data)).error() == errc::unexpected_packet);
  }
}

TEST_CASE("a switch that cannot be answered is an error") {
  CHECK(started("pw", true, "").feed(test::from_hex("fe")).error() == errc::unsupported_auth_plugin);
  CHECK(started("pw", true, "").feed(switch_to("dialog", fresh_salt)).error() ==
        errc::unsupported_auth_plugin);
  for (const std::size_t size : {0, 8, 19, 22})
    CHECK(started("pw", true, "")
              .feed(switch_to(plugin::caching_sha2_password, std::string(size, 's')))
              .error() == errc::malformed_packet);
}

TEST_CASE("the clear password is shown on an encrypted transport only") {
  auth_client open = started("pw", false, "");
  CHECK(open.feed(switch_to("mysql_clear_password", "")).error() == errc::insecure_transport);
  CHECK(open.reply().empty());
  auth_client secure = started("pw", true, "");
  REQUIRE(*secure.feed(switch_to("mysql_clear_password", "")) == step::send);
  CHECK(as_text(secure.reply()) == std::string_view("pw\0", 3));
}

TEST_CASE("the fast path waits for OK") {
  auth_client client = started("pw", false, "caching_sha2_password");
  CHECK(*client.feed(test::from_hex("01 03")) == step::wait);
  CHECK(client.reply().empty());
  CHECK(*client.feed(ok) == step::succeed);
}

TEST_CASE("the full exchange over TLS shows the password") {
  auth_client client = started("pw", true, "caching_sha2_password");
  REQUIRE(*client.feed(full_auth) == step::send);
  CHECK(as_text(client.reply()) == std::string_view("pw\0", 3));
}

TEST_CASE("the full exchange without TLS seals the password with the server's key") {
  const server_key key;
  const std::string password = "a password longer than the salt";
  auth_client client = started(password, false, "caching_sha2_password");
  REQUIRE(*client.feed(full_auth) == step::send);
  CHECK(client.reply() == test::from_hex("02"));
  REQUIRE(*client.feed(more_data(key.public_pem())) == step::send);
  std::string opened = key.open(client.reply());
  for (char& letter : opened) letter = static_cast<char>(letter ^ 's');
  CHECK(opened == password + '\0');
  CHECK(*client.feed(ok) == step::succeed);
}

TEST_CASE("a key that is none is an error, and so is one too small for the password") {
  for (const std::string text :
       {"", "nonsense", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"}) {
    auth_client client = started("pw", false, "caching_sha2_password");
    REQUIRE(*client.feed(full_auth) == step::send);
    CHECK(client.feed(more_data(text)).error() == errc::cryptography_failed);
    CHECK(client.reply().empty());
  }
  auth_client client = started(std::string(300, 'p'), false, "caching_sha2_password");
  REQUIRE(*client.feed(full_auth) == step::send);
  CHECK(client.feed(more_data(server_key().public_pem())).error() == errc::cryptography_failed);
}

TEST_CASE("packets that may not come are errors") {
  CHECK(started("pw", false, "").feed({}).error() == errc::malformed_packet);
  CHECK(started("pw", false, "").feed(test::from_hex("05")).error() == errc::unexpected_packet);
  CHECK(started("pw", true, "").feed(full_auth).error() ==
        errc::unexpected_packet); // native has no more data
  CHECK(started("pw", true, "caching_sha2_password").feed(test::from_hex("01 09")).error() ==
        errc::unexpected_packet);
  CHECK(started("pw", true, "caching_sha2_password").feed(test::from_hex("01")).error() ==
        errc::unexpected_packet);
}

TEST_CASE("an ed25519 nonce is signed, and one of another size is malformed") {
  auto client = started("secret", false, "mysql_native_password");
  const std::string nonce(32, 'n');
  const auto next = client.feed(switch_to("client_ed25519", nonce));
  REQUIRE(next.has_value());
  CHECK(*next == step::send);
  CHECK(client.plugin() == "client_ed25519");
  CHECK(ed25519_verify(client.reply(), as_bytes(nonce), ed25519_public_key("secret")));
  auto other = started("secret", false, "mysql_native_password");
  CHECK(other.feed(switch_to("client_ed25519", nonce.substr(1))).error() == errc::malformed_packet);
}

TEST_CASE("a key of our own opens what was sealed for it, and nothing else") {
  const server_key mine, other;
  const auto key = rsa_key::read(mine.private_pem());
  REQUIRE(key.has_value());
  CHECK(key->public_pem() == mine.public_pem());
  for (const std::string password : {"", "pw", "a password that is longer than its twenty bytes of salt"}) {
    const auto sealed = encrypt_password(password, fresh_salt, key->public_pem());
    REQUIRE(sealed.has_value());
    CHECK(*key->open(*sealed, fresh_salt) == password);
    CHECK(key->open(*sealed, std::string(20, 'g')).has_error());
  }
  const auto for_another = encrypt_password("pw", fresh_salt, other.public_pem());
  CHECK(key->open(*for_another, fresh_salt).has_error());
  CHECK(key->open({}, fresh_salt).has_error());
  CHECK(rsa_key::read("no key at all").has_error());
}
