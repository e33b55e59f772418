#include "protocol/sql/point_statements.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace holdwater::protocol::sql;

namespace {

std::string shown(const given_value& one) {
  switch (one.what) {
  case given_value::kind::null: return "NULL";
  case given_value::kind::number: return one.text;
  case given_value::kind::text: return "'" + one.text + "'";
  case given_value::kind::by_default: return "DEFAULT";
  case given_value::kind::moment: return "NOW";
  case given_value::kind::placeholder: return "?" + std::to_string(one.index);
  case given_value::kind::other: return "...";
  }
  return {};
}

std::string shown(const std::vector<column_value>& all) {
  std::string out;
  for (const auto& one : all) out += (out.empty() ? "" : ", ") + one.column + "=" + shown(one.value);
  return out;
}

// "table: columns | conditions | the text without its values"; "-" when it is not read.
std::string read(std::string_view text, const dialect& how = {}) {
  const auto found = read_point_select(text, how);
  if (!found) return "-";
  std::string out = found->table.unquoted() + ":";
  for (const auto& one : found->columns) out += " " + one;
  out += " | " + shown(found->where) + " | ";
  std::size_t at = 0;
  for (const auto& one : found->values) {
    out += std::string(text.substr(at, one.from - at)) + "_";
    at = one.from + one.size;
  }
  return out + std::string(text.substr(at));
}

std::string change(std::string_view text) {
  const auto found = read_point_change(text, {});
  if (!found) return "-";
  return (found->erases ? "delete " : "update ") + found->table.unquoted() + " " + shown(found->set) + " | " +
         shown(found->where);
}

std::string rows(std::string_view text) {
  analysis all;
  all.analyze(text, {});
  const auto found = read_inserted_rows(text, all.first(), {}, 3);
  if (!found) return "-";
  std::string out;
  for (const auto& row : *found) {
    out += "(";
    for (const auto& one : row) out += (out.ends_with('(') ? "" : ", ") + shown(one);
    out += ")";
  }
  return out;
}

} // namespace

TEST_CASE("a read of columns by equal values is read, as drivers and frameworks write it") {
  CHECK(read("SELECT * FROM t WHERE id = 5") == "t: | id=5 | SELECT * FROM t WHERE id = _");
  CHECK(read("SELECT a, t.b AS `x y`, c d FROM t WHERE t.id=-7 LIMIT 1;") ==
        "t: a b c | id=-7 | SELECT a, t.b AS `x y`, c d FROM t WHERE t.id=_ LIMIT 1;");
  CHECK(read("SELECT `t`.`a` FROM `t` WHERE `t`.`id` = 5 LIMIT 21") ==
        "t: a | id=5 | SELECT `t`.`a` FROM `t` WHERE `t`.`id` = _ LIMIT 21");
  CHECK(read("select x0_.a as a_1 from app.t x0_ where x0_.id=?") ==
        "t: a | id=?0 | select x0_.a as a_1 from app.t x0_ where x0_.id=_");
  CHECK(read("SELECT t.* FROM t WHERE id = '5' AND b = 6") ==
        "t: | id='5', b=6 | SELECT t.* FROM t WHERE id = _ AND b = _");
  CHECK(read("/* why */ SELECT a FROM app.t WHERE app.t.id = 5 -- so") ==
        "t: a | id=5 | /* why */ SELECT a FROM app.t WHERE app.t.id = _ -- so");
}

TEST_CASE("a read with anything else in it is not read, or its value is none") {
  for (const auto* text : {"SELECT DISTINCT * FROM t WHERE id = 5",
                           "SELECT COUNT(*) FROM t WHERE id = 5",
                           "SELECT a + 1 FROM t WHERE id = 5",
                           "SELECT 1 FROM t WHERE id = 5",
                           "SELECT *, a FROM t WHERE id = 5",
                           "SELECT a FROM t, u WHERE id = 5",
                           "SELECT a FROM t JOIN u WHERE id = 5",
                           "SELECT a FROM t",
                           "SELECT a FROM t WHERE id > 5",
                           "SELECT a FROM t WHERE id = 5 LIMIT 0",
                           "SELECT a FROM t WHERE id = 5 LIMIT 1 OFFSET 1",
                           "SELECT a FROM t WHERE id = 5 LIMIT ?",
                           "SELECT a FROM t WHERE u.id = 5",
                           "SELECT u.a FROM t WHERE id = 5",
                           "SELECT t.a FROM t x WHERE id = 5",
                           "SELECT a FROM t WHERE id BETWEEN 1 AND 2",
                           "SELECT a FROM t WHERE NOT id = 5",
                           "SELECT CURRENT_USER FROM t WHERE id = 5",
                           "SELECT a FROM t PARTITION (p) WHERE id = 5",
                           "SELECT a FROM t WHERE id = 5 AND (b = 6)",
                           "SELECT a FROM (SELECT 1) t WHERE id = 5",
                           "SELECT a FROM t WHERE id = 5 UNION SELECT a, b FROM t",
                           "UPDATE t SET a = 1 WHERE id = 5",
                           ""})
    CHECK_MESSAGE(read(text) == "-", text);
  CHECK(read("SELECT a FROM t WHERE id = 5 OR 1").starts_with("t: a | id=... |"));
  CHECK(read("SELECT a FROM t WHERE id = 5 FOR UPDATE").starts_with("t: a | id=... |"));
  CHECK(read("SELECT a FROM t WHERE id = 5 ORDER BY a").starts_with("t: a | id=... |"));
  CHECK(read("SELECT a FROM t WHERE id = 5 + 0").starts_with("t: a | id=... |"));
  CHECK(read("SELECT a FROM t WHERE id = 0x5").starts_with("t: a | id=... |"));
  CHECK(read("SELECT a FROM t WHERE id = 5e0").starts_with("t: a | id=... |"));
  CHECK(read("SELECT a FROM t WHERE id = - 5 = 1").starts_with("t: a | id=... |"));
  CHECK(read("SELECT DISTINCT a FROM t WHERE id = 5")
            .starts_with("t: DISTINCT |")); // of which there is no column
}

TEST_CASE("changes by equal values are read") {
  CHECK(change("UPDATE t SET a = 1, `b`='x''y', c = NULL WHERE id = 5") ==
        "update t a=1, b='x'y', c=NULL | id=5");
  CHECK(change("UPDATE app.t AS x SET x.a = DEFAULT, b = ? WHERE x.id = ?") ==
        "update t a=DEFAULT, b=?0 | id=?1");
  CHECK(change("UPDATE t SET a = a + ?, b = NOW(6) WHERE id = ?") == "update t a=..., b=NOW | id=?1");
  CHECK(change("UPDATE t SET a = f(1, 2), b = -1.50 WHERE id = 5") == "update t a=..., b=-1.50 | id=5");
  CHECK(change("DELETE FROM t WHERE id = 5 AND b = 6") == "delete t  | id=5, b=6");
  CHECK(change("UPDATE t SET a = 1 WHERE id = 5 OR id = 6") == "update t a=1 | id=...");
  for (const auto* text :
       {"UPDATE t SET a = 1", "UPDATE IGNORE t SET a = 1 WHERE id = 5", "UPDATE t, u SET a = 1 WHERE id = 5",
        "UPDATE LOW_PRIORITY t SET a = 1 WHERE id = 5", "UPDATE t SET a = 1 WHERE id = 5 LIMIT 1",
        "DELETE t FROM t WHERE id = 5", "DELETE QUICK FROM t WHERE id = 5", "DELETE FROM t",
        "DELETE FROM t WHERE id IN (5)", "UPDATE t SET u.a = 1 WHERE id = 5"})
    CHECK_MESSAGE(change(text) == "-", text);
}

TEST_CASE("the values of inserted rows are read") {
  CHECK(rows("INSERT INTO t VALUES (1, 'a', NULL, DEFAULT), (2, '', TRUE, CURRENT_TIMESTAMP)") ==
        "(1, 'a', NULL, DEFAULT)(2, '', 1, NOW)");
  CHECK(rows("INSERT INTO t (a, b) VALUE (?, a + ?), (?, -1)") == "(?0, ...)(?2, -1)");
  CHECK(rows("INSERT t VALUES (1, 'a' 'b', _utf8mb4'x', x'41', 'c' COLLATE utf8mb4_bin)") ==
        "(1, ..., ..., ..., ...)");
  CHECK(rows("INSERT t VALUES (1, 'a\\%b\\n')") == "(1, 'a\\%b\n')");
  for (const auto* text :
       {"INSERT INTO t SET a = 1", "INSERT INTO t SELECT 1", "INSERT INTO t VALUES ()",
        "INSERT INTO t VALUES (1) AS n", "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = 1",
        "INSERT INTO t VALUES (1), (2), (3), (4)"})
    CHECK_MESSAGE((rows(text) == "-" || rows(text) == "(...)"), text);
}
