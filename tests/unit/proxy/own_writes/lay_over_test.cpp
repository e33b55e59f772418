// A cached answer with the rows as queued writes leave them.
#include "proxy/own_writes/lay_over.hpp"

#include "protocol/column_definition.hpp"
#include "protocol/messages.hpp"

#include <doctest/doctest.h>

using namespace holdwater::proxy;
namespace protocol = holdwater::protocol;
namespace spool = holdwater::spool;
namespace type = protocol::column_type;
namespace flag = protocol::column_flag;

namespace {

constexpr std::uint16_t utf8mb4 = 45, binary = 63;

struct column {
  const char* name;
  std::uint8_t of;
  std::uint16_t flags = 0;
  std::uint32_t length = 0;
  std::uint16_t collation = utf8mb4;
};

const std::vector<column> usual{{"id", type::long_, flag::not_null | flag::auto_increment, 11, binary},
                                {"n", type::tiny, 0, 4, binary},
                                {"s", type::var_string, 0, 4 * 5},
                                {"c", type::string, flag::not_null, 4 * 3}};

// An answer as the cache has it, in text.
struct cached {
  protocol::byte_buffer stored;

  explicit cached(const std::vector<protocol::sent_row>& rows, const std::vector<column>& columns = usual) {
    protocol::byte_buffer answer;
    const std::uint8_t count[] = {static_cast<std::uint8_t>(columns.size())};
    protocol::append_message(answer, 1, count);
    for (const auto& one : columns) {
      protocol::column_definition defined{one.name, one.collation, one.length, one.of,  one.flags,
                                          0,        "shop",        "t",        one.name};
      if (std::string_view(one.name) == "expression") defined.original_name = {};
      protocol::append_column_definition(answer, 1, defined, 0);
    }
    protocol::append_eof(answer, 1, {0, 2});
    for (const auto& row : rows) {
      protocol::byte_buffer payload;
      protocol::payload_writer writer(payload);
      for (const auto& value : row)
        if (value)
          writer.lenenc_string(*value);
        else
          writer.integer(0xfb, 1);
      protocol::append_message(answer, 1, payload);
    }
    protocol::append_eof(answer, 1, {0, 2});
    REQUIRE(protocol::store_result(answer, protocol::cap::protocol_41, 0, stored));
  }
};

struct circumstances {
  bool plain_table = true;
  bool pads_char = false;
  bool quoted = false;
};

// How a read of the row with id 5 ends after these writes: the rows, or why not.
std::string after(std::vector<std::string> writes, const std::vector<protocol::sent_row>& rows,
                  circumstances in = {}, const std::vector<column>& columns = usual) {
  const cached one(rows, columns);
  const auto read = protocol::read_stored_result(one.stored);
  REQUIRE(read.has_value());
  auto taken = protocol::stored_rows::read(*read, protocol::row_shape::text, false);
  REQUIRE(taken.has_value());
  row_writes queued;
  for (auto& text : writes) {
    spool::statement statement;
    statement.text = text;
    statement.context.character_set_client = "utf8mb4";
    statement.tables = {{"shop", "t"}};
    if (text.find("(s, c") != std::string::npos || text.find("(n)") != std::string::npos)
      statement.insert_id = 5;
    for (auto& each : row_writes_of(statement, {true, 101100}))
      queued.push_back(std::make_shared<const row_write>(std::move(each)));
  }
  const point_read asked{{"id", "5", in.quoted}, in.plain_table, in.pads_char, [](std::uint16_t collation) {
                           return collation == utf8mb4 ? 4u : 0u;
                         }};
  switch (lay_over(*taken, asked, queued)) {
  case laid_over::untouched: return "untouched";
  case laid_over::unknown: return "unknown";
  case laid_over::changed: break;
  }
  std::string out = "rows:";
  for (const auto& row : taken->rows)
    for (const auto& value : row) out += " " + value.value_or("NULL");
  return out;
}

const std::vector<protocol::sent_row> there{{"5", "1", "old", "abc"}};

} // namespace

TEST_CASE("an update by the number shows what it assigned") {
  CHECK(after({"UPDATE t SET n = 2 WHERE id = 5"}, there) == "rows: 5 2 old abc");
  CHECK(after({"UPDATE t SET s = 'new', n = NULL WHERE id = 5"}, there) == "rows: 5 NULL new abc");
  CHECK(after({"UPDATE t SET n = '7', s = 12 WHERE id = '5'"}, there) == "rows: 5 7 12 abc");
  CHECK(after({"UPDATE t SET n = 2 WHERE id = 5", "UPDATE t SET n = 3 WHERE id = 5"}, there) ==
        "rows: 5 3 old abc");
  CHECK(after({"UPDATE t SET hidden = NOW(), n = 2 WHERE id = 5"}, there) == "rows: 5 2 old abc");
  CHECK(after({"UPDATE t SET id = 5, n = 2 WHERE id = 5"}, there) == "rows: 5 2 old abc");
}

TEST_CASE("an update whose outcome is not certain is not shown") {
  for (const char* text :
       {"UPDATE t SET n = n + 1 WHERE id = 5", "UPDATE t SET n = 128 WHERE id = 5",
        "UPDATE t SET n = -129 WHERE id = 5", "UPDATE t SET n = '07' WHERE id = 5",
        "UPDATE t SET n = 'x' WHERE id = 5", "UPDATE t SET n = 1.0 WHERE id = 5",
        "UPDATE t SET s = 'longer' WHERE id = 5", "UPDATE t SET s = '\xc3\xa4' WHERE id = 5",
        "UPDATE t SET s = NOW() WHERE id = 5", "UPDATE t SET c = NULL WHERE id = 5",
        "UPDATE t SET c = 'a ' WHERE id = 5", "UPDATE t SET id = 6 WHERE id = 5",
        "UPDATE t SET id = 5 WHERE id = 6", "UPDATE t SET n = 2 WHERE id = 5 AND n = 1",
        "UPDATE t SET n = 2 WHERE n = 5", "UPDATE t SET n = 2", "REPLACE INTO t (id) VALUES (9)"}) {
    CAPTURE(text);
    CHECK(after({text}, there) == "unknown");
  }
  CHECK(after({"UPDATE t SET n = 2 WHERE id = 5"}, there, {.plain_table = false}) == "unknown");
  CHECK(after({"UPDATE t SET c = 'ab' WHERE id = 5"}, there) == "rows: 5 1 old ab");
  CHECK(after({"UPDATE t SET c = 'ab' WHERE id = 5"}, there, {.pads_char = true}) == "unknown");
}

TEST_CASE("types whose stored form is another are not shown") {
  const auto becomes = [](column second) {
    return after({"UPDATE t SET x = '1' WHERE id = 5"}, {{"5", "0"}}, {}, {usual[0], second});
  };
  CHECK(becomes({"x", type::var_string, 0, 20}) == "rows: 5 1");
  CHECK(becomes({"x", type::blob, 0, 1020}) == "rows: 5 1");
  CHECK(becomes({"x", type::longlong, flag::is_unsigned, 20, binary}) == "rows: 5 1");
  CHECK(becomes({"x", type::long_, flag::zerofill, 10, binary}) == "unknown");
  CHECK(becomes({"x", type::string, flag::enumeration, 20}) == "unknown");
  CHECK(becomes({"x", type::string, flag::set, 20}) == "unknown");
  CHECK(becomes({"x", type::string, 0, 20, binary}) == "unknown");
  CHECK(becomes({"x", type::double_, 0, 22, binary}) == "unknown");
  CHECK(becomes({"x", type::datetime, 0, 19, binary}) == "unknown");
  CHECK(becomes({"x", 246, 0, 12, binary}) == "unknown");   // DECIMAL
  CHECK(becomes({"x", 245, 0, 1000, binary}) == "unknown"); // JSON
  CHECK(becomes({"x", type::year, 0, 4, binary}) == "unknown");
  CHECK(becomes({"x", type::var_string, 0, 20, 54}) == "unknown"); // utf16
  CHECK(becomes({"expression", type::var_string, 0, 20}) == "unknown");
}

TEST_CASE("a delete by the number leaves no row") {
  CHECK(after({"DELETE FROM t WHERE id = 5"}, there) == "rows:");
  CHECK(after({"DELETE FROM t WHERE id = 5"}, there, {.plain_table = false}) == "rows:");
  CHECK(after({"DELETE FROM t WHERE id = 5"}, {}) == "untouched");
  CHECK(after({"DELETE FROM t WHERE id = 5", "UPDATE t SET n = 3 WHERE id = 5"}, there) == "rows:");
  CHECK(after({"DELETE FROM t WHERE id = 5", "UPDATE t SET id = 5 WHERE id = 6"}, there) == "unknown");
  CHECK(after({"DELETE FROM t WHERE id = 5", "DELETE FROM t WHERE n = 1"}, there) == "unknown");
}

TEST_CASE("writes of other rows leave it alone, where the column holds whole numbers") {
  CHECK(after({"DELETE FROM t WHERE id = 6", "UPDATE t SET n = n + 1 WHERE id = 7",
               "INSERT INTO t (id, n) VALUES (8, 1)"},
              there) == "untouched");
  CHECK(after({"DELETE FROM t WHERE id = 6"}, there, {.plain_table = false}) == "unknown"); // it may cascade
  const std::vector<column> text{{"id", type::var_string, 0, 40}, usual[1]};
  CHECK(after({"DELETE FROM t WHERE id = 6"}, {{"5", "1"}}, {}, text) == "unknown");
  CHECK(after({"DELETE FROM t WHERE id = 5"}, {{"5", "1"}}, {}, text) == "rows:"); // the same condition
  CHECK(after({"DELETE FROM t WHERE id = '5'"}, {{"5", "1"}}, {}, text) == "unknown");
  CHECK(after({"DELETE FROM t WHERE id = 5"}, {{"5", "1"}}, {.quoted = true}, text) == "unknown");
  CHECK(after({"DELETE FROM t WHERE id = 5"}, {{"1"}}, {}, {usual[1]}) == "rows:"); // the column is not shown
  CHECK(after({"DELETE FROM t WHERE id = 6"}, {{"1"}}, {}, {usual[1]}) == "unknown");
}

TEST_CASE("an inserted row is shown where there was none, when the statement gives all that is shown") {
  CHECK(after({"INSERT INTO t (id, n, s, c) VALUES (4, 1, 'a', 'b'), (5, 2, 'x', 'y')"}, {}) ==
        "rows: 5 2 x y");
  CHECK(after({"INSERT INTO t (s, c, n) VALUES ('x', 'y', NULL)"}, {}) ==
        "rows: 5 NULL x y"); // a reserved id
  CHECK(after({"DELETE FROM t WHERE id = 5", "INSERT INTO t (id, n, s, c) VALUES (5, 2, 'x', 'y')"}, there) ==
        "rows: 5 2 x y");
  CHECK(after({"INSERT INTO t (id, n, s, c) VALUES (5, 2, 'x', 'y')", "UPDATE t SET n = 3 WHERE id = 5"},
              {}) == "rows: 5 3 x y");
  for (const char* text :
       {"INSERT INTO t (id, n) VALUES (5, 2)", "INSERT INTO t (id, n, s, c) VALUES (5, 2, NOW(), 'y')",
        "INSERT INTO t (id, n, s, c) VALUES (2 + 3, 2, 'x', 'y')", "INSERT INTO t (n) VALUES (2)",
        "INSERT INTO t (id, n, s, c) VALUES (99999999999, 2, 'x', 'y')",
        "INSERT INTO t (id, n) VALUES (0, 1)", "INSERT INTO t (id, n) VALUES (NULL, 1)"}) {
    CAPTURE(text);
    CHECK(after({text}, {}) == "unknown");
  }
  CHECK(after({"INSERT INTO t (id, n, s, c) VALUES (5, 2, 'x', 'y')"}, there) ==
        "unknown"); // it will be refused
  CHECK(after({"INSERT INTO t (id, n, s, c) VALUES (5, 2, 'x', 'y')"}, {}, {.plain_table = false}) ==
        "unknown");
}

TEST_CASE("a binary row gets the binary form") {
  const point_read asked{{"id", "5", false}, true, false, [](std::uint16_t) { return 4u; }};
  protocol::read_column wide;
  wide.type = type::longlong;
  CHECK(stored_form(wide, {protocol::sql::plain_value::kind::integer, "-2"}, protocol::row_shape::binary,
                    asked) == protocol::sent_value(std::string("\xfe") + std::string(7, '\xff')));
  wide.type = type::int24;
  CHECK(stored_form(wide, {protocol::sql::plain_value::kind::integer, "8388607"}, protocol::row_shape::binary,
                    asked) == protocol::sent_value(std::string("\xff\xff\x7f\0", 4)));
  CHECK_FALSE(stored_form(wide, {protocol::sql::plain_value::kind::integer, "8388608"},
                          protocol::row_shape::binary, asked));
}
