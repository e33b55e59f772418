#include "spool/unit_codec.hpp"

#include "fixtures.hpp"

#include <random>

namespace holdwater::spool {
namespace {

using test::make_statement;
using test::make_unit;

unit rich_unit() {
  auto what = make_unit("INSERT INTO t VALUES (1)");
  what.statements.push_back(make_statement(std::string("UPDATE \0 `x`\xff", 13), "other"));
  what.statements[1].insert_id = 18446744073709551615U;
  what.statements[1].user_variables = {{"a", "x'00ff'"}, {"", "NULL"}};
  what.statements[1].context.foreign_key_checks = false;
  what.statements[1].context.auto_increment_increment = 65535;
  what.statements.push_back(make_statement("", "t"));
  what.statements[2].timestamp = std::chrono::microseconds(-1);
  what.statements[2].tables.clear();
  return what;
}

unit without_row_fields(unit what) {
  what.number = 0;
  what.accepted_at = {};
  return what;
}

TEST_CASE("a unit survives encoding and decoding") {
  for (const auto& what : {make_unit("x"), rich_unit()}) {
    auto decoded = decode_unit(encode_unit(what));
    REQUIRE(decoded);
    CHECK(*decoded == without_row_fields(what));
  }
}

TEST_CASE("what LAST_INSERT_ID() says survives, in the later format") {
  auto what = rich_unit();
  what.statements[2].last_insert_id = 7;
  const auto bytes = encode_unit(what);
  CHECK(bytes.front() == 2);
  const auto decoded = decode_unit(bytes);
  REQUIRE(decoded);
  CHECK(*decoded == without_row_fields(what));
}

TEST_CASE("bound parameters survive with their types, and only then is the later format written") {
  auto what = rich_unit();
  CHECK(encode_unit(what).front() == 1);
  what.statements[1].parameters = {{3, false, false, std::string("\x2a\0\0\0", 4)},
                                   {8, true, false, std::nullopt},
                                   {252, false, true, std::string()},
                                   {253, false, false, std::string("a\0b", 3)}};
  const auto bytes = encode_unit(what);
  CHECK(bytes.front() == 2);
  auto decoded = decode_unit(bytes);
  REQUIRE(decoded);
  CHECK(*decoded == without_row_fields(what));
}

TEST_CASE("a context that statements share is stored once") {
  auto what = make_unit("a");
  const auto one = encode_unit(what).size();
  what.statements.push_back(what.statements[0]);
  CHECK(encode_unit(what).size() - one < 40);
}

TEST_CASE("the worked example of the README is what is written") {
  unit what;
  what.account = "app";
  what.statements.emplace_back().text = "DELETE FROM t";
  what.statements[0].context.database = "shop";
  what.statements[0].timestamp = std::chrono::microseconds(300);
  what.statements[0].tables = {{"shop", "t"}};
  std::string hex;
  for (const unsigned char c : encode_unit(what)) {
    constexpr char digits[] = "0123456789abcdef";
    hex += {digits[c >> 4], digits[c & 15]};
  }
  CHECK(hex.substr(0, hex.size() - 8) == "0103617070"
                                         "0104"
                                         "73686f70"
                                         "000000000000000000"
                                         "010103"
                                         "010d44454c4554452046524f4d2074"
                                         "00"
                                         "ac02"
                                         "00"
                                         "00"
                                         "010473686f700174");
}

TEST_CASE("a unit cut anywhere is refused") {
  const auto bytes = encode_unit(rich_unit());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    auto decoded = decode_unit(std::string_view(bytes).substr(0, size));
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().code == errc::corrupt);
  }
}

TEST_CASE("a unit with any one bit flipped is refused") {
  const auto bytes = encode_unit(rich_unit());
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    CHECK_FALSE(decode_unit(damaged));
  }
}

std::string with_right_checksum(std::string body) {
  // The checksum of a body is what the encoder would append: found by encoding is not possible, so by
  // definition.
  std::uint32_t crc = 0xffffffff;
  for (const unsigned char c : body) {
    crc ^= c;
    for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320U : 0U);
  }
  crc = ~crc;
  for (int shift = 0; shift < 32; shift += 8) body.push_back(static_cast<char>(crc >> shift));
  return body;
}

TEST_CASE("bytes with a right checksum and a wrong body are refused or decoded, never read past their end") {
  constexpr unsigned seed = 20240611;
  MESSAGE("seed ", seed);
  std::mt19937 random(seed);
  const auto whole = encode_unit(rich_unit());
  const auto sound = whole.substr(0, whole.size() - 4);
  REQUIRE(with_right_checksum(sound) == whole);
  std::size_t refused = 0;
  for (int round = 0; round < 20000; ++round) {
    auto body = sound.substr(0, random() % (sound.size() + 1));
    if (body.size() > 1 && round % 2 == 0)
      body[1 + random() % (body.size() - 1)] = static_cast<char>(random());
    refused += decode_unit(with_right_checksum(body)) ? 0 : 1;
  }
  CHECK(refused > 10000);
}

unit unit_with_settings() {
  auto what = rich_unit();
  what.statements[1].context.settings = {{"block_encryption_mode", "aes-256-cbc"},
                                         {"default_regex_flags", ""},
                                         {"div_precision_increment", "12"}};
  what.statements[2].last_insert_id = 7;
  return what;
}

TEST_CASE("settings survive, in a format that an earlier version refuses, and only then is that written") {
  const auto bytes = encode_unit(unit_with_settings());
  CHECK(bytes.front() == 3);
  const auto decoded = decode_unit(bytes);
  REQUIRE(decoded);
  CHECK(*decoded == without_row_fields(unit_with_settings()));
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(decode_unit(std::string_view(bytes).substr(0, size)));
}

TEST_CASE("a unit with a setting that is not known is refused: without it, it would mean something else") {
  for (const std::string name : {"sql_log_bin", "div_precision_increment = 4, sql_log_bin", ""}) {
    CAPTURE(name);
    auto what = make_unit("x");
    what.statements[0].context.settings = {{name, "0"}};
    const auto decoded = decode_unit(encode_unit(what));
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().code == errc::corrupt);
  }
}

TEST_CASE("a flag of a context that is not known is refused in the format that has settings") {
  auto what = make_unit("x");
  what.statements[0].context.settings = {{"max_sort_length", "64"}};
  const auto whole = encode_unit(what);
  auto body = whole.substr(0, whole.size() - 4);
  const auto flags = body.find(std::string("\x07\x01\x0f") + "max_sort_length");
  REQUIRE(flags != body.npos);
  body[flags] = 0x0f;
  CHECK_FALSE(decode_unit(with_right_checksum(body)));
}

TEST_CASE("a unit of a later format is told apart from a broken one") {
  auto decoded = decode_unit(with_right_checksum("\x04"
                                                 "anything"));
  REQUIRE_FALSE(decoded);
  CHECK(decoded.error().code == errc::wrong_version);
}

TEST_CASE("a statement of unknown tables makes the unit's tables unknown") {
  CHECK(tables_of(rich_unit()).empty());
  CHECK(tables_of(make_unit("x")) == std::vector<table_name>{{"app", "t"}});
}

TEST_CASE("a list of tables survives encoding and is refused when cut") {
  const std::vector<table_name> tables{{"a", "b"}, {"", "c"}};
  const auto bytes = encode_tables(tables);
  CHECK(*decode_tables(bytes) == tables);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(decode_tables(std::string_view(bytes).substr(0, size)));
}

} // namespace
} // namespace holdwater::spool
