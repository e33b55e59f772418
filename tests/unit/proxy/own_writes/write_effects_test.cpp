#include "proxy/own_writes/write_effects.hpp"

#include "protocol/column_types.hpp"
#include "tests/unit/proxy/own_writes/some_table.hpp"

#include <doctest/doctest.h>

using namespace holdwater;
using namespace holdwater::proxy;

namespace {

const auto known_table = std::make_shared<const table_type>(some_table());

table_type_ptr find(const spool::table_name& table) {
  if (table.table == "t") return known_table;
  if (table.table == "u") {
    auto other = some_table();
    other.name.table = "u";
    other.key.clear();
    return std::make_shared<const table_type>(other);
  }
  return nullptr;
}

spool::statement statement(std::string text, std::vector<std::string> tables = {"t"}) {
  spool::statement one;
  one.text = std::move(text);
  one.context = plain_context();
  for (auto& table : tables) one.tables.push_back({"app", std::move(table)});
  return one;
}

// "made 5,: 5 3 NULL ...; ..." of each row; "all" and "everything" for what is not certain.
std::string effects(const spool::statement& one) {
  write_effects out;
  add_effects(one, {}, find, out);
  if (out.everything_unclear) return "everything";
  std::string text;
  for (const auto& table : out.tables) {
    if (table.all_unclear) text += "all of " + table.table.table + ";";
    for (const auto& row : table.rows) {
      constexpr const char* words[] = {"made ", "changed ", "erased ", "unclear "};
      text += words[static_cast<int>(row.what)] + row.key;
      for (const auto& [column, value] : row.cells)
        text += " " + some_table().columns[column].name + "=" + shown(value);
      text += ";";
    }
  }
  return text;
}
std::string effects(std::string text) {
  return effects(statement(std::move(text)));
}

} // namespace

TEST_CASE("an INSERT makes whole rows") {
  CHECK(effects("INSERT INTO t VALUES (5, 1, 'x', 1.5, '2024-01-01 00:00:00', NULL)") ==
        "made 5, id=5 n=1 s=x d=1.50 at=2024-01-01 00:00:00.000 f=NULL;");
  CHECK(effects("INSERT INTO t (S, id) VALUES ('x', 5), (NULL, 6)") ==
        "made 5, id=5 n=3 s=x d=NULL at=untold f=NULL;made 6, id=6 n=3 s=NULL d=NULL at=untold f=NULL;");
  CHECK(effects("INSERT INTO t (id, at) VALUES (-05, NOW())") ==
        "made -5, id=-5 n=3 s=NULL d=NULL at=untold f=NULL;");
  auto bound = statement("INSERT INTO t (id, s) VALUES (?, ?)");
  spool::parameter id, s;
  id.type = protocol::wire::type_long;
  id.value = std::string("\x07\0\0\0", 4);
  s.type = protocol::wire::type_var_string;
  s.value = "it's";
  bound.parameters = {id, s};
  CHECK(effects(bound) == "made 7, id=7 n=3 s=it's d=NULL at=untold f=NULL;");
}

TEST_CASE("an INSERT whose rows are not certain") {
  CHECK(effects("INSERT INTO t (id, n) VALUES (5, -1)") == "unclear 5,;");
  CHECK(effects("INSERT INTO t (id, n) VALUES (5, 1 + 1)") == "unclear 5,;");
  CHECK(effects("INSERT INTO t (id, f) VALUES (5, 1.5)") == "unclear 5,;");
  CHECK(effects("INSERT INTO t (n) VALUES (5)") == "all of t;");
  CHECK(effects("INSERT INTO t (id) VALUES (1 + 1)") == "all of t;");
  CHECK(effects("INSERT INTO t (id, nosuch) VALUES (1, 1)") == "all of t;");
  CHECK(effects("INSERT INTO t (id, id) VALUES (1, 1)") == "all of t;");
  CHECK(effects("INSERT INTO t VALUES (1, 2)") == "all of t;");
  CHECK(effects("INSERT IGNORE INTO t (id) VALUES (1)") == "all of t;");
  CHECK(effects("INSERT INTO t (id) VALUES (1) ON DUPLICATE KEY UPDATE n = 1") == "all of t;");
  CHECK(effects("REPLACE INTO t (id) VALUES (1)") == "all of t;");
  CHECK(effects("INSERT INTO t (id) SELECT 1") == "all of t;");
  CHECK(effects("INSERT INTO t SET id = 1") == "all of t;");
}

TEST_CASE("ids that were reserved are known") {
  auto with_id = some_table();
  with_id.columns[0].makes_id = true;
  const auto type = std::make_shared<const table_type>(with_id);
  const auto keys = [&](const char* text, std::optional<std::uint64_t> id) {
    auto one = statement(text);
    one.insert_id = id;
    one.context.auto_increment_increment = 10;
    write_effects out;
    add_effects(
        one, {}, [&](const auto&) { return type; }, out);
    std::string all;
    for (const auto& row : out.tables.front().rows) all += row.key;
    return out.tables.front().all_unclear ? std::string("all") : all;
  };
  CHECK(keys("INSERT INTO t (s) VALUES ('a'), ('b')", 100) == "100,110,");
  CHECK(keys("INSERT INTO t (id, s) VALUES (NULL, 'a'), (0, 'b'), (DEFAULT, 'c')", 7) == "7,17,27,");
  CHECK(keys("INSERT INTO t (s) VALUES ('a')", std::nullopt) == "all");
  CHECK(keys("INSERT INTO t (id, s) VALUES (5, 'a')", std::nullopt) == "5,");
}

TEST_CASE("an UPDATE and a DELETE by the key") {
  CHECK(effects("UPDATE t SET s = 'y', d = 2 WHERE id = 5") == "changed 5, s=y d=2.00 at=untold;");
  CHECK(effects("UPDATE t SET at = '2024-01-01 00:00:00' WHERE id = '5'") ==
        "changed 5, at=2024-01-01 00:00:00.000;");
  CHECK(effects("DELETE FROM t WHERE id = 5") == "erased 5,;");
  CHECK(effects("UPDATE t SET n = n + 1 WHERE id = 5") == "unclear 5,;");
  CHECK(effects("UPDATE t SET s = 'toolong' WHERE id = 5") == "unclear 5,;");
  CHECK(effects("UPDATE t SET s = 'a', s = 'b' WHERE id = 5") == "unclear 5,;");
  for (const auto* text :
       {"UPDATE t SET id = 6 WHERE id = 5", "UPDATE t SET s = 'y'", "UPDATE t SET s = 'y' WHERE n = 5",
        "UPDATE t SET s = 'y' WHERE id = 5 AND n = 1", "UPDATE t SET s = 'y' WHERE id = 5.0",
        "UPDATE t SET s = 'y' WHERE id = 5 OR 1", "UPDATE IGNORE t SET s = 'y' WHERE id = 5",
        "UPDATE t SET nosuch = 1 WHERE id = 5", "DELETE FROM t WHERE id IN (5)", "DELETE FROM t",
        "UPDATE t SET s = 'y' WHERE id = 99999999999", "UPDATE t SET s = 'y' WHERE id = NULL"})
    CHECK_MESSAGE(effects(text) == "all of t;", text);
}

TEST_CASE("what is not followed is not certain, and a table that is not known makes nothing certain") {
  CHECK(effects(statement("UPDATE u SET s = 'y' WHERE id = 5", {"u"})) == "all of u;");
  CHECK(effects(statement("UPDATE t, u SET t.s = 'y' WHERE t.id = u.id", {"t", "u"})) ==
        "all of t;all of u;");
  CHECK(effects(statement("UPDATE v SET s = 'y' WHERE id = 5", {"v"})) == "everything");
  CHECK(effects(statement("UPDATE t, v SET t.s = 'y'", {"t", "v"})) == "everything");
  CHECK(effects(statement("DELETE FROM t WHERE id = 5", {})) == "everything");
  CHECK(effects("DELETE FROM t WHERE id = 5; DELETE FROM t") == "everything");
  auto loose = statement("DELETE FROM t WHERE id = 5");
  loose.context.sql_mode = "";
  CHECK(effects(loose) == "all of t;");
}

TEST_CASE("a key of several columns is sought in either order, whole") {
  auto pair = some_table();
  pair.key = {1, 0};
  pair.columns[1].nullable = false;
  const auto key = [&](const char* text) {
    return sought_key(protocol::sql::read_point_select(text, {})->where, pair).value_or("-");
  };
  CHECK(key("SELECT * FROM t WHERE id = 5 AND n = 6") == "6,5,");
  CHECK(key("SELECT * FROM t WHERE N = 6 AND id = 5") == "6,5,");
  CHECK(key("SELECT * FROM t WHERE id = 5") == "-");
  CHECK(key("SELECT * FROM t WHERE id = 5 AND id = 5") == "-");
  CHECK(key("SELECT * FROM t WHERE id = 5 AND s = 6") == "-");
}
