#include "tests/scripted/packets.hpp"

#include <doctest/doctest.h>

namespace holdwater::proxy::test {

using protocol::byte_buffer;
namespace cap = protocol::cap;

namespace {

constexpr std::uint16_t changed = protocol::server_status::session_state_changed;
constexpr std::string_view server_salt = "abcdefghijklmnopqrst";

// One packet without its header.
byte_buffer payload_of(const byte_buffer& framed) {
  return {framed.begin() + protocol::packet_header_size, framed.end()};
}

byte_buffer column_definition() {
  byte_buffer out;
  protocol::payload_writer write(out);
  write.lenenc_string("def");
  for (int name = 0; name < 3; ++name) write.lenenc_string(""); // schema, table, original table
  write.lenenc_string("a");
  write.lenenc_string("a");
  write.lenenc_integer(0x0c);
  write.integer(45, 2);   // utf8mb4
  write.integer(1024, 4); // length
  write.integer(0xfd, 1); // VAR_STRING
  write.integer(0, 2);    // flags
  write.integer(31, 1);   // decimals
  write.zeros(2);
  return out;
}

} // namespace

protocol::capabilities client_capabilities() {
  return cap::long_password | cap::long_flag | cap::connect_with_db | cap::local_files | cap::protocol_41 |
         cap::transactions | cap::secure_connection | cap::multi_results | cap::ps_multi_results |
         cap::plugin_auth | cap::plugin_auth_lenenc_data | cap::deprecate_eof;
}

protocol::capabilities server_capabilities() {
  return client_capabilities() | cap::ssl | cap::compress | cap::zstd_compression | cap::multi_statements |
         cap::session_track;
}

protocol::greeting server_greeting(std::string_view auth_plugin) {
  protocol::greeting hello;
  hello.server_version = "8.0.99-scripted";
  hello.connection_id = 42;
  std::copy(server_salt.begin(), server_salt.end(), hello.salt.begin());
  hello.server_capabilities = server_capabilities();
  hello.character_set = 45;
  hello.status = protocol::server_status::autocommit;
  hello.auth_plugin = auth_plugin;
  return hello;
}

byte_buffer bytes(std::string_view text) {
  const auto view = protocol::as_bytes(text);
  return {view.begin(), view.end()};
}

byte_buffer command(protocol::command which, std::string_view argument) {
  byte_buffer out;
  protocol::payload_writer write(out);
  write.integer(static_cast<std::uint8_t>(which), 1);
  write.bytes(argument);
  return out;
}

byte_buffer query(std::string_view text) {
  return command(protocol::command::query, text);
}

byte_buffer ok(std::uint16_t status, std::uint64_t affected_rows) {
  byte_buffer out;
  protocol::append_ok(out, 0, {.affected_rows = affected_rows, .status = status}, client_capabilities());
  return payload_of(out);
}

byte_buffer telling_ok(std::string_view block, std::uint16_t status, std::uint8_t first_byte) {
  byte_buffer out;
  protocol::append_ok(
      out, 0, {.status = static_cast<std::uint16_t>(status | changed), .info = {}, .session_state = block},
      client_capabilities() | cap::session_track, first_byte);
  return payload_of(out);
}

std::string told_database(std::string_view name) {
  byte_buffer entry, out;
  protocol::payload_writer(entry).lenenc_string(name);
  protocol::payload_writer write(out);
  write.integer(1, 1);
  write.lenenc_string(protocol::as_text(entry));
  return std::string(protocol::as_text(out));
}

std::string told_variable(std::string_view name, std::string_view value) {
  byte_buffer entry, out;
  protocol::payload_writer inner(entry);
  inner.lenenc_string(name);
  inner.lenenc_string(value);
  protocol::payload_writer write(out);
  write.integer(0, 1);
  write.lenenc_string(protocol::as_text(entry));
  return std::string(protocol::as_text(out));
}

byte_buffer err(std::uint16_t number, std::string_view sql_state, std::string_view text) {
  byte_buffer out;
  protocol::append_err(out, 0, {number, sql_state, text}, client_capabilities());
  return payload_of(out);
}

byte_buffer end_of_rows() {
  byte_buffer out;
  protocol::append_ok(out, 0, {.status = protocol::server_status::autocommit}, client_capabilities(), 0xfe);
  return payload_of(out);
}

byte_buffer unfinished_result_set(const std::vector<std::string>& rows) {
  byte_buffer out;
  std::uint8_t sequence = protocol::append_message(out, 1, byte_buffer{1});
  sequence = protocol::append_message(out, sequence, column_definition());
  for (const auto& row : rows) {
    byte_buffer payload;
    protocol::payload_writer(payload).lenenc_string(row);
    sequence = protocol::append_message(out, sequence, payload);
  }
  return out;
}

byte_buffer result_set(const std::vector<std::string>& rows) {
  auto out = unfinished_result_set(rows);
  protocol::append_message(out, static_cast<std::uint8_t>(3 + rows.size()), end_of_rows());
  return out;
}

std::string expect_err(const packet& got, std::uint16_t number, std::string_view sql_state) {
  REQUIRE_FALSE(got.payload.empty());
  REQUIRE_MESSAGE(got.payload[0] == 0xff, "not an ERR: ", protocol::as_text(got.payload));
  const auto parsed = protocol::parse_err(got.payload, client_capabilities());
  REQUIRE(parsed.has_value());
  INFO(parsed->text);
  REQUIRE(parsed->number == number);
  REQUIRE(parsed->sql_state == sql_state);
  return std::string(parsed->text);
}

std::uint16_t expect_ok(const packet& got) {
  REQUIRE_FALSE(got.payload.empty());
  REQUIRE_MESSAGE(got.payload[0] == 0x00, "not an OK: ", protocol::as_text(got.payload));
  const auto parsed = protocol::parse_ok(got.payload, client_capabilities());
  REQUIRE(parsed.has_value());
  return parsed->status;
}

} // namespace holdwater::proxy::test
