// The connection phase: real greetings, and each message both ways, cut at every byte.
#include "protocol/handshake.hpp"
#include "tests/unit/protocol/answers.hpp"

#include <doctest/doctest.h>

using namespace holdwater::protocol;

namespace {

// What MariaDB 10.11.19 and MySQL 9.7.4 said.
constexpr const char* mariadb_greeting =
    "0a352e352e352d31302e31312e31392d4d6172696144422d302b64656231327531000300000062504859687c577d00fef7080200"
    "ff8115"
    "0000000000001d000000307479264d304858646b6b5b006d7973716c5f6e61746976655f70617373776f726400";
constexpr const char* mysql_greeting = "0a392e372e342d3200090000004676046e6258753600ffffff0200ffdf15000000000"
                                       "00000000000162758046f227a5f63562a340063616368"
                                       "696e675f736861325f70617373776f726400";

byte_span payload_of(const byte_buffer& packet) {
  return byte_span(packet).subspan(packet_header_size);
}
byte_buffer copy(byte_span bytes) {
  return {bytes.begin(), bytes.end()};
}

constexpr capabilities base = cap::protocol_41 | cap::long_password;

handshake_response full_response(capabilities flags) {
  handshake_response message;
  message.client_capabilities = base | flags;
  message.max_packet_size = 1 << 24;
  message.collation = 45;
  message.user = "app";
  message.auth_response = std::string("\x01\x02\x03\x04\x05", 5);
  if ((flags & cap::connect_with_db) != 0) message.database = "shop";
  if ((flags & cap::plugin_auth) != 0) message.auth_plugin = "mysql_native_password";
  if ((flags & cap::connect_attrs) != 0) message.attributes = std::string("\x02os\x05Linux", 9);
  if ((flags & cap::zstd_compression) != 0) message.zstd_level = 3;
  return message;
}

void check_same(const handshake_response& left, const handshake_response& right) {
  CHECK(left.client_capabilities == right.client_capabilities);
  CHECK(left.max_packet_size == right.max_packet_size);
  CHECK(left.collation == right.collation);
  CHECK(left.user == right.user);
  CHECK(left.auth_response == right.auth_response);
  CHECK(left.database == right.database);
  CHECK(left.auth_plugin == right.auth_plugin);
  CHECK(left.attributes == right.attributes);
  CHECK(left.zstd_level == right.zstd_level);
}

} // namespace

TEST_CASE("a real greeting is read, and written back byte for byte") {
  for (const char* hex : {mariadb_greeting, mysql_greeting}) {
    const byte_buffer payload = test::from_hex(hex);
    const auto hello = parse_greeting(payload);
    REQUIRE(hello.has_value());
    byte_buffer out;
    append_greeting(out, 0, *hello);
    CHECK(copy(payload_of(out)) == payload);
  }
}

TEST_CASE("MariaDB's greeting holds its extended capabilities") {
  const auto hello = parse_greeting(test::from_hex(mariadb_greeting));
  REQUIRE(hello.has_value());
  CHECK(hello->server_version == "5.5.5-10.11.19-MariaDB-0+deb12u1");
  CHECK(hello->connection_id == 3);
  CHECK(hello->character_set == 8);
  CHECK(hello->status == server_status::autocommit);
  CHECK(hello->server_capabilities == 0x1d81fff7feULL);
  CHECK((hello->server_capabilities & cap::mariadb_stmt_bulk) != 0);
  CHECK(hello->auth_plugin == "mysql_native_password");
  CHECK(as_text(hello->salt) == "bPHYh|W}0ty&M0HXdkk[");
}

TEST_CASE("MySQL's greeting has no extended capabilities") {
  const auto hello = parse_greeting(test::from_hex(mysql_greeting));
  REQUIRE(hello.has_value());
  CHECK(hello->server_version == "9.7.4-2");
  CHECK(hello->connection_id == 9);
  CHECK(hello->character_set == 0xff);
  CHECK(hello->server_capabilities == 0xdfffffff);
  CHECK(hello->auth_plugin == "caching_sha2_password");
}

TEST_CASE("a greeting that is cut before the plugin's name is refused") {
  for (const char* hex : {mariadb_greeting, mysql_greeting}) {
    const byte_buffer payload = test::from_hex(hex);
    const std::size_t name_at = payload.size() - parse_greeting(payload)->auth_plugin.size() - 1;
    for (std::size_t cut = 0; cut + 1 < name_at; ++cut) {
      INFO(cut);
      CHECK(parse_greeting(copy(byte_span(payload).first(cut))).has_error());
    }
  }
}

TEST_CASE("an error or another protocol in the greeting's place is told apart") {
  CHECK(parse_greeting(test::from_hex("ff 10 04 54")).error() == errc::unexpected_packet);
  CHECK(parse_greeting(test::from_hex("09 35 00")).error() == errc::unsupported_protocol);
  CHECK(parse_greeting({}).error() == errc::malformed_packet);
}

TEST_CASE("a version string tells the product and the number") {
  struct row {
    const char* text;
    bool mariadb;
    unsigned number;
  };
  for (const row& each :
       {row{"5.5.5-10.11.19-MariaDB-0+deb12u1", true, 101119}, row{"11.4.2-MariaDB", true, 110402},
        row{"9.7.4-2", false, 90704}, row{"8.0.36-28 Percona", false, 80036},
        row{"5.5.5-10.6.1-log", true, 100601}, row{"5.7.44", false, 50744}, row{"8.4", false, 80400},
        row{"", false, 0}, row{"x", false, 0}}) {
    INFO(each.text);
    CHECK(parse_server_version(each.text).mariadb == each.mariadb);
    CHECK(parse_server_version(each.text).number == each.number);
  }
}

TEST_CASE("a handshake response reads back for every set of fields") {
  constexpr capabilities optional[] = {cap::secure_connection, cap::plugin_auth_lenenc_data,
                                       cap::connect_with_db,   cap::plugin_auth,
                                       cap::connect_attrs,     cap::zstd_compression};
  for (unsigned set = 0; set < 1u << std::size(optional); ++set) {
    capabilities flags = 0;
    for (std::size_t i = 0; i < std::size(optional); ++i) flags |= (set >> i & 1) != 0 ? optional[i] : 0;
    const handshake_response message = full_response(flags);
    byte_buffer out;
    append_handshake_response(out, 1, message);
    const auto parsed = parse_handshake_response(payload_of(out));
    REQUIRE(parsed.has_value());
    check_same(*parsed, message);
  }
}

TEST_CASE("MariaDB's client capabilities travel in the reserved bytes, and only without long_password") {
  handshake_response message = full_response(cap::secure_connection | cap::mariadb_stmt_bulk);
  message.client_capabilities &= ~cap::long_password;
  byte_buffer out;
  append_handshake_response(out, 1, message);
  CHECK(out[packet_header_size + 28] == 0x04);
  CHECK(parse_handshake_response(payload_of(out))->client_capabilities == message.client_capabilities);
  message.client_capabilities |= cap::long_password;
  out.clear();
  append_handshake_response(out, 1, message);
  CHECK(out[packet_header_size + 28] == 0);
}

TEST_CASE("fields that are missing at the end of a handshake response are empty") {
  handshake_response message = full_response(cap::secure_connection);
  byte_buffer out;
  append_handshake_response(out, 1, message);
  byte_buffer payload = copy(payload_of(out));
  const capabilities promised =
      message.client_capabilities | cap::connect_with_db | cap::plugin_auth | cap::connect_attrs;
  for (std::size_t i = 0; i < 4; ++i) payload[i] = static_cast<std::uint8_t>(promised >> (8 * i));
  const auto parsed = parse_handshake_response(payload);
  REQUIRE(parsed.has_value());
  CHECK(parsed->auth_response == message.auth_response);
  CHECK(parsed->database.empty());
  CHECK(parsed->auth_plugin.empty());
  CHECK(parsed->attributes.empty());
}

TEST_CASE(
    "a handshake response that is cut in a counted field is malformed, and before the user's end always") {
  const handshake_response message = full_response(cap::plugin_auth_lenenc_data | cap::connect_with_db |
                                                   cap::plugin_auth | cap::connect_attrs);
  byte_buffer out;
  append_handshake_response(out, 1, message);
  const byte_span payload = payload_of(out);
  const std::size_t user_end = 32 + message.user.size() + 1;
  const std::size_t answer_end = user_end + 1 + message.auth_response.size();
  const std::size_t attributes_at = payload.size() - message.attributes.size() - 1;
  for (std::size_t cut = 0; cut < payload.size(); ++cut) {
    INFO(cut);
    const auto parsed = parse_handshake_response(copy(payload.first(cut)));
    const bool in_counted = (cut > user_end && cut < answer_end) || cut > attributes_at;
    CHECK(parsed.has_error() == (cut < user_end || in_counted));
  }
}

TEST_CASE("a client of the old protocol is told so") {
  byte_buffer payload(60, 0);
  CHECK(parse_handshake_response(payload).error() == errc::unsupported_protocol);
}

TEST_CASE("a request for TLS is 32 bytes with its flag") {
  byte_buffer out;
  append_handshake_response(out, 1, full_response(cap::ssl));
  const byte_span payload = payload_of(out);
  CHECK(is_ssl_request(payload.first(32)));
  CHECK_FALSE(is_ssl_request(payload));
  CHECK_FALSE(is_ssl_request(payload.first(31)));
  CHECK_FALSE(is_ssl_request(byte_buffer(32, 0)));
}

TEST_CASE("an authentication switch reads back, and the bare byte is mysql_old_password") {
  const auth_switch message{"caching_sha2_password", std::string("salt\0", 5)};
  byte_buffer out;
  append_auth_switch(out, 2, message);
  const auto parsed = parse_auth_switch(payload_of(out));
  REQUIRE(parsed.has_value());
  CHECK(parsed->plugin == message.plugin);
  CHECK(parsed->data == message.data);
  CHECK(parse_auth_switch(test::from_hex("fe")).error() == errc::unsupported_auth_plugin);
  CHECK(parse_auth_switch(test::from_hex("fe 61")).error() == errc::malformed_packet);
  CHECK(parse_auth_switch({}).error() == errc::malformed_packet);
}

TEST_CASE("further authentication data stands behind its byte") {
  byte_buffer out;
  append_auth_more_data(out, 4, test::from_hex("03"));
  CHECK(out == test::from_hex("02 00 00 04 01 03"));
}

TEST_CASE("a change of user reads back for every set of fields, and is cut at every byte") {
  for (const capabilities negotiated :
       {capabilities{0}, cap::secure_connection, cap::secure_connection | cap::plugin_auth,
        cap::secure_connection | cap::plugin_auth | cap::connect_attrs}) {
    change_user message{"app", "abc", "shop", 45, {}, {}};
    if ((negotiated & cap::plugin_auth) != 0) message.auth_plugin = "caching_sha2_password";
    if ((negotiated & cap::connect_attrs) != 0) message.attributes = std::string("\x02os\x05Linux", 9);
    byte_buffer out;
    append_change_user(out, 0, message, negotiated);
    const auto parsed = parse_change_user(payload_of(out), negotiated);
    REQUIRE(parsed.has_value());
    CHECK(parsed->user == message.user);
    CHECK(parsed->auth_response == message.auth_response);
    CHECK(parsed->database == message.database);
    CHECK(parsed->collation == message.collation);
    CHECK(parsed->auth_plugin == message.auth_plugin);
    CHECK(parsed->attributes == message.attributes);
    const std::size_t database_end = 1 + 4 + 4 + 5;
    for (std::size_t cut = 0; cut < database_end; ++cut)
      CHECK(parse_change_user(copy(payload_of(out).first(cut)), negotiated).has_error());
    CHECK(parse_change_user(payload_of(out).first(database_end), negotiated).has_value());
  }
}

TEST_CASE("a request for TLS is the response's fixed part") {
  handshake_response message;
  message.client_capabilities = cap::protocol_41 | cap::ssl | cap::plugin_auth | cap::mariadb_stmt_bulk;
  message.max_packet_size = 1 << 24;
  message.collation = 45;
  message.user = "not yet told";
  byte_buffer request, response;
  append_ssl_request(request, 1, message);
  append_handshake_response(response, 1, message);
  CHECK(is_ssl_request(payload_of(request)));
  CHECK_FALSE(is_ssl_request(payload_of(response)));
  CHECK(as_text(payload_of(request)) == as_text(payload_of(response).first(32)));
}
