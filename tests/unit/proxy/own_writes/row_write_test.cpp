// Queued statements, as what they do to rows.
#include "proxy/own_writes/row_write.hpp"

#include <doctest/doctest.h>

using namespace holdwater::proxy;
namespace spool = holdwater::spool;
namespace sql = holdwater::protocol::sql;
using kind = sql::plain_value::kind;

namespace {

const holdwater::protocol::server_version mariadb{true, 101100};

std::vector<row_write> of(std::string text, std::vector<spool::parameter> bound = {},
                          std::string sql_mode = "") {
  spool::statement one;
  one.text = std::move(text);
  one.parameters = std::move(bound);
  one.context.sql_mode = std::move(sql_mode);
  one.context.character_set_client = "utf8mb4";
  one.context.auto_increment_increment = 2;
  one.insert_id = 70;
  one.tables = {{"shop", "t"}};
  return row_writes_of(one, mariadb);
}

bool is_understood(std::string text, std::string sql_mode = "") {
  const auto found = of(std::move(text), {}, std::move(sql_mode));
  REQUIRE(found.size() == 1);
  CHECK(found.front().table == spool::table_name{"shop", "t"});
  return found.front().what.has_value();
}

} // namespace

TEST_CASE("a plain write is understood, with what was bound to it and reserved for it") {
  const auto found =
      of("INSERT INTO t (a, b, c) VALUES (?, ?, ?)", {{3, false, false, std::string("\xfe\xff\xff\xff", 4)},
                                                      {253, false, false, "x"},
                                                      {6, false, false, {}}});
  REQUIRE(found.size() == 1);
  REQUIRE(found[0].what);
  CHECK(found[0].what->rows[0] ==
        std::vector<sql::plain_value>{{kind::integer, "-2"}, {kind::text, "x"}, {kind::null, ""}});
  CHECK(found[0].insert_id == 70);
  CHECK(found[0].increment == 2);
}

TEST_CASE("what may do more than it says is not understood") {
  CHECK(is_understood("DELETE FROM t WHERE id = 5"));
  CHECK_FALSE(is_understood("DELETE FROM t"));
  CHECK_FALSE(is_understood("REPLACE INTO t (id) VALUES (5)"));
  CHECK_FALSE(is_understood("INSERT IGNORE INTO t (id) VALUES (5)"));
  CHECK_FALSE(is_understood("UPDATE t SET a = 1 WHERE id = 5 AND b = (SELECT 1 FROM u)"));
  CHECK_FALSE(is_understood("UPDATE t SET a = (SELECT 1 FROM u) WHERE id = 5"));
  CHECK_FALSE(is_understood("DELETE FROM t WHERE id = 5", "ORACLE,EMPTY_STRING_IS_NULL"));
}

TEST_CASE("a write of several tables is not understood for any of them") {
  spool::statement one;
  one.text = "UPDATE t, u SET t.a = 1, u.a = 1 WHERE t.id = 5";
  one.tables = {{"shop", "t"}, {"shop", "u"}};
  const auto found = row_writes_of(one, mariadb);
  REQUIRE(found.size() == 2);
  CHECK_FALSE(found[0].what);
  CHECK_FALSE(found[1].what);
}

TEST_CASE("bound values are what their types say") {
  CHECK(plain_value_of(1, false, std::string_view("\x80", 1)) == sql::plain_value{kind::integer, "-128"});
  CHECK(plain_value_of(1, true, std::string_view("\x80", 1)) == sql::plain_value{kind::integer, "128"});
  CHECK(plain_value_of(8, true, std::string(8, '\xff')) ==
        sql::plain_value{kind::integer, "18446744073709551615"});
  CHECK(plain_value_of(8, false, std::string(8, '\xff')) == sql::plain_value{kind::integer, "-1"});
  CHECK(plain_value_of(3, false, "ab").what == kind::uncertain);       // cut
  CHECK(plain_value_of(5, false, "12345678").what == kind::uncertain); // DOUBLE
  CHECK(plain_value_of(12, false, "1234").what == kind::uncertain);    // DATETIME
  CHECK(plain_value_of(252, false, "x") == sql::plain_value{kind::text, "x"});
  CHECK(plain_value_of(253, false, std::nullopt).what == kind::null);
}
