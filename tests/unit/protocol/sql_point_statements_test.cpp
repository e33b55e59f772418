// Statements about rows by one number: which are read, and which are left alone.
#include "protocol/sql/point_statements.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace holdwater::protocol::sql;

namespace {

using of_value = plain_value::kind;

dialect plain() {
  dialect how;
  how.mariadb = true;
  how.version = 101100;
  return how;
}

std::string selected(std::string_view text, std::vector<plain_value> bound = {}) {
  const auto found = read_point_select(text, plain(), bound);
  if (!found) return "none";
  return found->column + " = " + (found->quoted ? "'" + found->number + "'" : found->number);
}

std::string shown(const plain_value& value) {
  switch (value.what) {
  case of_value::uncertain: return "?";
  case of_value::null: return "NULL";
  case of_value::integer: return value.bytes;
  case of_value::text: return "'" + value.bytes + "'";
  }
  return {};
}

std::string written(std::string_view text, std::vector<plain_value> bound = {}) {
  const auto found = read_point_write(text, plain(), bound);
  if (!found) return "none";
  std::string out;
  if (found->what == point_write::kind::insert) {
    out = "insert";
    for (const auto& row : found->rows) {
      out += " |";
      for (std::size_t at = 0; at < row.size(); ++at) out += " " + found->columns[at] + "=" + shown(row[at]);
    }
    return out;
  }
  out = found->what == point_write::kind::update ? "update" : "erase";
  for (const auto& [column, value] : found->assigned) out += " " + column + "=" + shown(value);
  return out + " where " + found->where.column + "=" + found->where.number;
}

} // namespace

TEST_CASE("a read by one number is read in the forms of the frameworks") {
  for (const char* text :
       {"SELECT * FROM t WHERE id = 5", "select a, t.b, `s`.`t`.`c` from t where t.id=5",
        "SELECT `t`.`id`, `t`.`name` FROM `t` WHERE `t`.`id` = 5 LIMIT 21",
        "select * from `users` where `users`.`id` = 5 limit 1", "SELECT * FROM t WHERE id IN (5)",
        "SELECT t.* FROM s.t AS x WHERE (x.id = 5)", "select u1_0.id,u1_0.n from users u1_0 where u1_0.id=5",
        "SELECT a AS b FROM t WHERE ((id) = 5)", "SELECT * FROM t WHERE id = 005;",
        "SELECT /* why */ * FROM t WHERE id = 5 -- so"}) {
    CAPTURE(text);
    const bool odd = std::string_view(text).find("((id)") != std::string_view::npos;
    CHECK(selected(text) == (odd ? "none" : "id = 5"));
  }
  CHECK(selected("SELECT * FROM t WHERE id = -5") == "id = -5");
  CHECK(selected("SELECT * FROM t WHERE id = '5'") == "id = '5'");
  CHECK(selected("SELECT * FROM t WHERE id = ?", {{of_value::integer, "7"}}) == "id = 7");
  CHECK(selected("SELECT * FROM t WHERE id = ? LIMIT 1", {{of_value::text, "7"}}) == "id = '7'");
}

TEST_CASE("a read with anything else in it is left alone") {
  for (const char* text : {"SELECT COUNT(*) FROM t WHERE id = 5",
                           "SELECT DISTINCT a FROM t WHERE id = 5",
                           "SELECT a b FROM t WHERE id = 5",
                           "SELECT a + 1 FROM t WHERE id = 5",
                           "SELECT 1 FROM t WHERE id = 5",
                           "SELECT * FROM t WHERE id > 5",
                           "SELECT * FROM t WHERE id >= 5",
                           "SELECT * FROM t WHERE id <=> 5",
                           "SELECT * FROM t WHERE id = 5 AND a = 1",
                           "SELECT * FROM t WHERE id = 5 OR 1",
                           "SELECT * FROM t WHERE NOT id = 5",
                           "SELECT * FROM t WHERE id IN (5, 6)",
                           "SELECT * FROM t WHERE id = 5 ORDER BY a",
                           "SELECT * FROM t WHERE id = 5 GROUP BY a",
                           "SELECT * FROM t WHERE id = 5 LIMIT 0",
                           "SELECT * FROM t WHERE id = 5 LIMIT 1, 2",
                           "SELECT * FROM t WHERE id = 5 LIMIT ?",
                           "SELECT * FROM t WHERE id = 5 FOR UPDATE",
                           "SELECT * FROM t WHERE id = 5.0",
                           "SELECT * FROM t WHERE id = 5e0",
                           "SELECT * FROM t WHERE id = 0x05",
                           "SELECT * FROM t WHERE id = '5a'",
                           "SELECT * FROM t WHERE id = '5' '6'",
                           "SELECT * FROM t WHERE id = 5 + 1",
                           "SELECT * FROM t WHERE id = NULL",
                           "SELECT * FROM t WHERE id = other",
                           "SELECT * FROM t, u WHERE id = 5",
                           "SELECT * FROM t JOIN u WHERE id = 5",
                           "SELECT * FROM t FORCE INDEX (a) WHERE id = 5",
                           "SELECT * FROM t PARTITION (p) WHERE id = 5",
                           "SELECT * FROM (SELECT 1) t WHERE id = 5",
                           "SELECT * FROM t WHERE id = 5 UNION SELECT 1",
                           "SELECT * FROM t",
                           "SELECT * FROM t WHERE id = ?",
                           "SELECT * FROM t WHERE id = -?",
                           "SELECT * FROM t WHERE id = 5; SELECT 1",
                           "SELECT * FROM t WHERE id = (SELECT 5)",
                           "SELECT * FROM t WHERE (id = 5",
                           "SELECT * FROM t WHERE id = 5)",
                           "SELECT * FROM t WHERE id = 123456789012345678901",
                           "SELECT @a := 1 FROM t WHERE id = 5",
                           "",
                           "SELECT"}) {
    CAPTURE(text);
    CHECK(selected(text) == "none");
  }
}

TEST_CASE("writes by one number, and inserts, are read with their values") {
  CHECK(written("DELETE FROM `t` WHERE `t`.`id` IN (5)") == "erase where id=5");
  CHECK(written("UPDATE t SET a = 1, t.b = 'x''y', c = NULL WHERE id = 5") ==
        "update a=1 b='x'y' c=NULL where id=5");
  CHECK(written("UPDATE `t` SET `a` = ?, b = ? WHERE `t`.`id` = ?",
                {{of_value::text, "q"}, {of_value::null, ""}, {of_value::integer, "5"}}) ==
        "update a='q' b=NULL where id=5");
  CHECK(written("UPDATE t SET a = b + 1, c = NOW(), d = 'a' 'b', e = 1.5, f = DEFAULT, g = _utf8'x', h = 2 "
                "WHERE id = 5") == "update a=? c=? d=? e=? f=? g=? h=2 where id=5");
  CHECK(written("UPDATE t SET a = IF(?, (SELECT 1 FROM u WHERE x = ?), 3), b = ? WHERE id = ?",
                {{of_value::integer, "1"},
                 {of_value::integer, "2"},
                 {of_value::integer, "3"},
                 {of_value::integer, "4"}}) == "update a=? b=3 where id=4");
  CHECK(written("UPDATE t SET a = -?, b = ? WHERE id = ?",
                {{of_value::integer, "1"}, {of_value::integer, "2"}, {of_value::integer, "3"}}) ==
        "update a=? b=2 where id=3");
  CHECK(written("INSERT INTO s.t (id, `a`) VALUES (1, 'x'), (-2, UUID())") ==
        "insert | id=1 a='x' | id=-2 a=?");
  CHECK(written("insert into t (a) value (?)", {{of_value::text, "z"}}) == "insert | a='z'");
}

TEST_CASE("a write with anything else in it is left alone") {
  for (const char* text : {"DELETE FROM t",
                           "DELETE FROM t WHERE id > 5",
                           "DELETE FROM t WHERE id = 5 LIMIT 1",
                           "DELETE t FROM t WHERE id = 5",
                           "DELETE IGNORE FROM t WHERE id = 5",
                           "DELETE QUICK FROM t WHERE id = 5",
                           "DELETE FROM t WHERE id = 5 ORDER BY id",
                           "UPDATE t SET a = 1",
                           "UPDATE IGNORE t SET a = 1 WHERE id = 5",
                           "UPDATE LOW_PRIORITY t SET a = 1 WHERE id = 5",
                           "UPDATE t SET a = 1 WHERE id = 5 LIMIT 1",
                           "UPDATE t SET a = 1 WHERE id = 5 AND v = 3",
                           "UPDATE t, u SET a = 1 WHERE id = 5",
                           "UPDATE t SET a = 1 WHERE id = 5 OR id = 6",
                           "INSERT INTO t VALUES (1)",
                           "INSERT INTO t SET a = 1",
                           "INSERT IGNORE INTO t (a) VALUES (1)",
                           "INSERT INTO t (a) SELECT 1",
                           "INSERT INTO t (a) VALUES (1, 2)",
                           "INSERT INTO t (a) VALUES (1) ON DUPLICATE KEY UPDATE a = 2",
                           "INSERT INTO t (a) VALUES (1) AS new",
                           "INSERT INTO t () VALUES ()",
                           "REPLACE INTO t (a) VALUES (1)",
                           "INSERT INTO t (a) VALUES (1) RETURNING a",
                           "UPDATE t SET a = 1 WHERE id = 5; DELETE FROM t WHERE id = 5",
                           "UPDATE t SET a = ",
                           "INSERT INTO t (a) VALUES (1"}) {
    CAPTURE(text);
    CHECK(written(text) == "none");
  }
}

TEST_CASE("whole numbers have one form") {
  CHECK(whole_number("007") == "7");
  CHECK(whole_number("+7") == "7");
  CHECK(whole_number("-0") == "0");
  CHECK(whole_number("-12") == "-12");
  CHECK(whole_number("18446744073709551615") == "18446744073709551615");
  for (const char* text : {"", "-", "1.0", " 1", "1 ", "1e3", "0x1", "999999999999999999999"})
    CHECK_FALSE(whole_number(text));
}

TEST_CASE("in another dialect the same text is another statement") {
  auto how = plain();
  how.ansi_quotes = true;
  CHECK(read_point_select(R"(SELECT "a" FROM "t" WHERE "id" = 5)", how, {}) == point{"id", "5", false});
  CHECK_FALSE(read_point_select(R"(SELECT * FROM t WHERE id = "5")", how, {}));
  how = plain();
  how.no_backslash_escapes = true;
  const auto found = read_point_write(R"(UPDATE t SET a = 'x\' WHERE id = 5)", how, {});
  REQUIRE(found);
  CHECK(found->assigned.front().second.bytes == "x\\");
}
