// The table of commands, and COM_QUERY's text with and without attributes.
#include "protocol/command.hpp"
#include "tests/unit/protocol/answers.hpp"

#include <doctest/doctest.h>

using namespace holdwater::protocol;

namespace {

// Attributes as MySQL 9.7's client sends them: two, an integer "a" and a NULL string "b".
constexpr const char* with_attributes = "03 02 01 02 01 08 00 01 61 fe 00 01 62 07 00 00 00 00 00 00 00"
                                        "53 45 4c 45 43 54 20 31";

} // namespace

TEST_CASE("every command has its name and its kind of answer") {
  CHECK(name_of(command::query) == "COM_QUERY");
  CHECK(name_of(command::stmt_bulk_execute) == "COM_STMT_BULK_EXECUTE");
  CHECK(name_of(static_cast<command>(0xee)) == "unknown command");
  CHECK(answer_of(command::query) == answer_kind::result_sets);
  CHECK(answer_of(command::stmt_execute) == answer_kind::result_sets);
  CHECK(answer_of(command::stmt_prepare) == answer_kind::prepared);
  CHECK(answer_of(command::stmt_fetch) == answer_kind::rows);
  CHECK(answer_of(command::stmt_close) == answer_kind::nothing);
  CHECK(answer_of(command::stmt_send_long_data) == answer_kind::nothing);
  CHECK(answer_of(command::statistics) == answer_kind::text_line);
  CHECK(answer_of(command::field_list) == answer_kind::column_list);
  CHECK(answer_of(command::change_user) == answer_kind::authentication);
  CHECK(answer_of(command::binlog_dump_gtid) == answer_kind::stream);
  CHECK(answer_of(static_cast<command>(0xee)) == answer_kind::ok_or_err);
}

TEST_CASE("a query's text stands behind the command byte") {
  const byte_buffer bytes = test::from_hex("03 53 45 4c 45 43 54 20 31");
  CHECK(parse_query(bytes, 0)->text == "SELECT 1");
  CHECK(parse_query(test::from_hex("03"), 0)->text.empty());
  CHECK(parse_query(test::from_hex("0e"), 0).has_error());
  CHECK(parse_query({}, 0).has_error());
}

TEST_CASE("a query's text stands behind no attributes") {
  const byte_buffer bytes = test::from_hex("03 00 01 53 45 4c 45 43 54 20 31");
  const auto parsed = parse_query(bytes, cap::query_attributes);
  REQUIRE(parsed.has_value());
  CHECK(parsed->text == "SELECT 1");
  CHECK(parsed->attribute_count == 0);
}

TEST_CASE("a query's text stands behind its attributes") {
  const byte_buffer bytes = test::from_hex(with_attributes);
  const auto parsed = parse_query(bytes, cap::query_attributes);
  REQUIRE(parsed.has_value());
  CHECK(parsed->text == "SELECT 1");
  CHECK(parsed->attribute_count == 2);
}

TEST_CASE("attributes that are cut short are malformed") {
  const byte_buffer bytes = test::from_hex(with_attributes);
  for (std::size_t cut = 0; cut < bytes.size() - 8; ++cut) {
    INFO(cut);
    CHECK(
        parse_query(byte_buffer(bytes.begin(), bytes.begin() + static_cast<long>(cut)), cap::query_attributes)
            .has_error());
  }
}

TEST_CASE("an absurd number of attributes is malformed") {
  CHECK(parse_query(test::from_hex("03 fe ff ff ff ff ff ff ff ff 01 01 00"), cap::query_attributes)
            .has_error());
}
