// What real clients answered to the greetings of MariaDB 10.11 and MySQL 9.7: user "app", password "secret".
#include "protocol/auth.hpp"
#include "protocol/handshake.hpp"
#include "tests/unit/protocol/answers.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace holdwater::protocol;

namespace {

constexpr const char* mariadb_salt = "62504859687c577d307479264d304858646b6b5b";
constexpr const char* mysql_salt = "4676046e62587536162758046f227a5f63562a34";

struct response {
  const char* client;
  const char* salt;
  std::string_view plugin;
  std::string_view database;
  const char* hex;
};

const response responses[] = {
    {"mysql 9.7 to MySQL", mysql_salt, plugin::caching_sha2_password, "shop",
     "8da2bf1900000001ff000000000000000000000000000000000000000000000061707000207c9aa8fe3ede12066f8315"
     "31dd3132d656f56c81f3314a01cd0650fd88e399ee73686f700063616368696e675f736861325f70617373776f726400"
     "72045f706964053231323936095f706c6174666f726d067838365f3634035f6f73054c696e75780c5f636c69656e745f"
     "6e616d65086c69626d7973716c076f735f7573657204726f6f740f5f636c69656e745f76657273696f6e05392e372e34"
     "0c70726f6772616d5f6e616d65056d7973716c"},
    {"mysql 9.7 to MySQL, with zstd", mysql_salt, plugin::caching_sha2_password, "",
     "85a2bf1d00000001ff000000000000000000000000000000000000000000000061707000207c9aa8fe3ede12066f8315"
     "31dd3132d656f56c81f3314a01cd0650fd88e399ee63616368696e675f736861325f70617373776f72640072045f7069"
     "64053232363931095f706c6174666f726d067838365f3634035f6f73054c696e75780c5f636c69656e745f6e616d6508"
     "6c69626d7973716c076f735f7573657204726f6f740f5f636c69656e745f76657273696f6e05392e372e340c70726f67"
     "72616d5f6e616d65056d7973716c03"},
    {"mariadb 10.11 to MariaDB", mariadb_salt, plugin::mysql_native_password, "shop",
     "8ca2bf000000100021000000000000000000000000000000000000001d00000061707000140aff974f59b430a362d908"
     "e9cb8448dd30f8340973686f70006d7973716c5f6e61746976655f70617373776f7264007f035f6f73054c696e75780c"
     "5f636c69656e745f6e616d650a6c69626d617269616462045f7069640532323639370f5f636c69656e745f7665727369"
     "6f6e06332e332e3230095f706c6174666f726d067838365f36340c70726f6772616d5f6e616d65056d7973716c0c5f73"
     "65727665725f686f7374093132372e302e302e31"},
    {"PyMySQL 1.0.2 to MariaDB", mariadb_salt, plugin::mysql_native_password, "shop",
     "0da23a00ffffff002d000000000000000000000000000000000000000000000061707000140aff974f59b430a362d908"
     "e9cb8448dd30f8340973686f70006d7973716c5f6e61746976655f70617373776f726400360c5f636c69656e745f6e61"
     "6d650770796d7973716c045f7069640532323730350f5f636c69656e745f76657273696f6e05312e302e32"},
    {"mysql 9.7 to MariaDB", mariadb_salt, plugin::mysql_native_password, "shop",
     "8da2bf1900000001ff000000000000000000000000000000000000000000000061707000140aff974f59b430a362d908"
     "e9cb8448dd30f8340973686f70006d7973716c5f6e61746976655f70617373776f72640072045f706964053231323934"
     "095f706c6174666f726d067838365f3634035f6f73054c696e75780c5f636c69656e745f6e616d65086c69626d797371"
     "6c076f735f7573657204726f6f740f5f636c69656e745f76657273696f6e05392e372e340c70726f6772616d5f6e616d"
     "65056d7973716c"},
};

// A TLS request of MySQL 9.7's and of MariaDB's client.
constexpr const char* tls_requests[] = {"85aabf1900000001ff0000000000000000000000000000000000000000000000",
                                        "8daabf0000001000210000000000000000000000000000000000000000000000"};

challenge salt_of(const char* hex) {
  challenge salt{};
  std::ranges::copy(test::from_hex(hex), salt.begin());
  return salt;
}

} // namespace

TEST_CASE("a real client's handshake response is read, and written back byte for byte") {
  for (const response& each : responses) {
    INFO(each.client);
    const byte_buffer payload = test::from_hex(each.hex);
    const auto parsed = parse_handshake_response(payload);
    REQUIRE(parsed.has_value());
    CHECK(parsed->user == "app");
    CHECK(parsed->database == each.database);
    CHECK(parsed->auth_plugin == each.plugin);
    CHECK(parsed->attributes.find("_client_name") != std::string::npos);
    byte_buffer out;
    append_handshake_response(out, 1, *parsed);
    CHECK(byte_buffer(out.begin() + packet_header_size, out.end()) == payload);
    CHECK_FALSE(is_ssl_request(payload));
  }
}

TEST_CASE("a real client's proof of its password is accepted") {
  for (const response& each : responses) {
    INFO(each.client);
    const auto parsed = parse_handshake_response(test::from_hex(each.hex));
    REQUIRE(parsed.has_value());
    authenticator good("secret", std::string(each.plugin), salt_of(each.salt), false);
    CHECK(good.start(parsed->auth_plugin, as_bytes(parsed->auth_response)) == authenticator::step::succeed);
    authenticator bad("Secret", std::string(each.plugin), salt_of(each.salt), false);
    CHECK(bad.start(parsed->auth_plugin, as_bytes(parsed->auth_response)) == authenticator::step::fail);
  }
}

TEST_CASE("a real client's request for TLS is recognised") {
  for (const char* hex : tls_requests) CHECK(is_ssl_request(test::from_hex(hex)));
}
