// What is known of INSERT, REPLACE, UPDATE and DELETE.
#include "sql_describe.hpp"

#include <doctest/doctest.h>

using namespace holdwater::protocol::sql;

namespace {

// clang-format off
const row writes[] = {
    {"INSERT INTO t VALUES (1)",
     "INSERT | t! | values 1"},
    {"INSERT t VALUES (1), (2), (3)",
     "INSERT | t! | values 3"},
    {R"sql(insert into `db`.`t` (`a`, `b`) value (1, (2 + (3))), ('x', ")"))sql",
     "INSERT | db.t! | values 2 (a, b)"},
    {"INSERT INTO t (a) VALUES (NULL)",
     "INSERT | t! | values 1 (a)"},
    {"INSERT INTO t () VALUES ()",
     "INSERT | t! | values 1"},
    {"INSERT INTO t () VALUES (), ()",
     "INSERT | t! | values 2"},
    {"INSERT INTO t(a,b) VALUES(1,2)",
     "INSERT | t! | values 1 (a, b)"},
    {"INSERT INTO t (t.a, db.t.b) VALUES (1, 2)",
     "INSERT | t! | values 1 (a, b)"},
    {"INSERT LOW_PRIORITY INTO t VALUES (1)",
     "INSERT | t! | values 1"},
    {"INSERT HIGH_PRIORITY IGNORE INTO t VALUES (1)",
     "INSERT upsert | t! | values 1 ignore"},
    {"INSERT DELAYED t VALUES (1)",
     "INSERT | t! | values 1"},
    {"INSERT IGNORE t SET a = 1, b = (SELECT c FROM u), d = DEFAULT",
     "INSERT upsert | t! u | set 1 (a, b, d) ignore"},
    {"INSERT INTO t PARTITION (p0) (a) VALUES (1)",
     "INSERT | t! | values 1 (a)"},
    {"INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = VALUES(a), b = b + 1",
     "INSERT upsert | t! | values 1 on duplicate"},
    {"INSERT INTO t (a) VALUES (1) AS new ON DUPLICATE KEY UPDATE a = new.a",
     "INSERT upsert | t! | values 1 (a) on duplicate"},
    {"INSERT INTO t (a, b) VALUES (1, 2) AS new (c, d) ON DUPLICATE KEY UPDATE a = c",
     "INSERT upsert | t! | values 1 (a, b) on duplicate"},
    {"INSERT INTO t SET a = 1 AS new ON DUPLICATE KEY UPDATE a = new.a",
     "INSERT upsert | t! | set 1 (a) on duplicate"},
    {"INSERT INTO t VALUES ROW(1, 2), ROW(3, 4)",
     "INSERT | t! | values 2"},
    {"INSERT INTO t VALUES ROW(1), ROW(2) ORDER BY 1 LIMIT 1",
     "INSERT select_source | t! | select"},
    {"INSERT INTO t VALUES ROW(1) UNION SELECT 2",
     "INSERT select_source | t! | select"},
    {"INSERT INTO t SELECT * FROM u",
     "INSERT select_source | t! u | select"},
    {"INSERT INTO t (a) SELECT b FROM db.u WHERE c = 1 ON DUPLICATE KEY UPDATE a = 2, d = 3",
     "INSERT select_source upsert | t! db.u | select (a) on duplicate"},
    {"INSERT INTO t (SELECT * FROM u)",
     "INSERT select_source | t! u | select"},
    {"INSERT INTO t (a) (SELECT b FROM u) UNION (SELECT c FROM v)",
     "INSERT select_source | t! u v | select (a)"},
    {"INSERT INTO t ((SELECT b FROM u))",
     "INSERT select_source | t! u | select"},
    {"INSERT INTO t TABLE u",
     "INSERT select_source | t! u | select"},
    {"INSERT INTO t WITH c AS (SELECT 1 FROM u) SELECT * FROM c",
     "INSERT select_source | t! u | select"},
    {"INSERT INTO t VALUES (?, ?)",
     "INSERT placeholder | t! | values 1"},
    {"INSERT INTO t VALUES (@a, @b)",
     "INSERT reads_variable | t! | values 1"},
    {"INSERT INTO t VALUES (@a := 1)",
     "INSERT writes_variable | t! | values 1"},
    {"INSERT INTO t VALUES (NOW(), UUID(), RAND())",
     "INSERT random_value clock_value | t! | values 1"},
    {"INSERT INTO t VALUES (SYSDATE())",
     "INSERT deferred_hazard clock_value | t! | values 1"},
    {"INSERT INTO t VALUES (LAST_INSERT_ID())",
     "INSERT session_function | t! | values 1"},
    {"INSERT INTO t VALUES (@@last_insert_id)",
     "INSERT reads_system_variable session_function | t! | values 1"},
    {"INSERT INTO t VALUES (@@hostname)",
     "INSERT reads_system_variable deferred_hazard | t! | values 1"},
    {"INSERT INTO t VALUES (@@timestamp)",
     "INSERT reads_system_variable clock_value | t! | values 1"},
    {"INSERT INTO t VALUES (USER())",
     "INSERT deferred_hazard | t! | values 1"},
    {"INSERT INTO t VALUES (CURRENT_USER)",
     "INSERT | t! | values 1"},
    {"INSERT INTO t VALUES (VERSION())",
     "INSERT deferred_hazard | t! | values 1"},
    {"INSERT INTO t VALUES (DATABASE())",
     "INSERT | t! | values 1"},
    {"INSERT INTO t VALUES (f(1))",
     "INSERT unknown_function | t! | values 1"},
    {"INSERT INTO t VALUES (GET_LOCK('a', 1))",
     "INSERT named_lock | t! | values 1"},
    {"INSERT INTO t VALUES (UNIX_TIMESTAMP(), LOAD_FILE('x'))",
     "INSERT deferred_hazard clock_value | t! | values 1"},
    {R"sql(INSERT INTO t VALUES ('a;b'), ('c''d'), ('e\'f'), ("g""h"))sql",
     "INSERT | t! | values 4"},
    {"INSERT INTO t VALUES (1), ",
     "UNKNOWN | t!"},
    {"INSERT INTO t VALUES",
     "UNKNOWN | t!"},
    {"INSERT INTO t",
     "UNKNOWN | t!"},
    {"INSERT INTO t VALUES (1",
     "UNKNOWN | t!"},
    {"INSERT INTO t VALUES (1) SELECT 2",
     "UNKNOWN | t!"},
    {"INSERT INTO t VALUES (1) garbage ( ",
     "UNKNOWN unknown_function | t!"},
    {"INSERT INTO t VALUES ('a",
     "UNKNOWN partial | t!"},
    {"REPLACE INTO t VALUES (1)",
     "REPLACE | t! | values 1"},
    {"REPLACE t SET a = 1",
     "REPLACE | t! | set 1 (a)"},
    {"REPLACE DELAYED INTO db.t (a) SELECT b FROM u",
     "REPLACE select_source | db.t! u | select (a)"},
    {"UPDATE t SET a = 1",
     "UPDATE | t!"},
    {"UPDATE LOW_PRIORITY IGNORE db.t AS x SET x.a = x.a + 1 WHERE x.b IN (SELECT c FROM u) ORDER BY d LIMIT 5",
     "UPDATE | db.t! u"},
    {"UPDATE t, u SET t.a = u.b WHERE t.c = u.c",
     "UPDATE multi_table | t! u!"},
    {"UPDATE t JOIN db.u ON t.a = u.a LEFT JOIN (SELECT * FROM v) AS w USING (b) SET t.c = 1",
     "UPDATE multi_table | t! db.u! v"},
    {"UPDATE t PARTITION (p0) SET a = 1",
     "UPDATE | t!"},
    {"UPDATE t SET a = (SELECT MAX(b) FROM u), c = 'x, y' WHERE d = ?",
     "UPDATE placeholder | t! u"},
    {"UPDATE t SET a = LAST_INSERT_ID(a + 1)",
     "UPDATE session_function | t!"},
    {"UPDATE t SET a = @x",
     "UPDATE reads_variable | t!"},
    {"UPDATE t SET a = (@x := @x + 1)",
     "UPDATE reads_variable writes_variable | t!"},
    {"UPDATE t SET a = f(b)",
     "UPDATE unknown_function | t!"},
    {"UPDATE t SET a = CURRENT_TIMESTAMP ON",
     "UPDATE clock_value | t!"},
    {"UPDATE t",
     "UNKNOWN | t!"},
    {"UPDATE t SET",
     "UPDATE | t!"},
    {"WITH c AS (SELECT a FROM u) UPDATE t JOIN c ON t.a = c.a SET t.b = 1",
     "UPDATE multi_table | u t!"},
    {"WITH c AS (SELECT a FROM u) DELETE FROM t WHERE a IN (SELECT a FROM c)",
     "DELETE | u t!"},
    {"WITH c AS (SELECT 1) INSERT INTO t SELECT * FROM c",
     "UNKNOWN"},
    {"DELETE FROM t",
     "DELETE | t!"},
    {"DELETE LOW_PRIORITY QUICK IGNORE FROM db.t WHERE a = 1 ORDER BY b LIMIT 10",
     "DELETE | db.t!"},
    {"DELETE FROM t PARTITION (p0) WHERE a = 1",
     "DELETE | t!"},
    {"DELETE FROM t AS x WHERE x.a = 1",
     "DELETE | t!"},
    {"DELETE FROM t WHERE a IN (SELECT b FROM u)",
     "DELETE | t! u"},
    {"DELETE t FROM t JOIN u ON t.a = u.a",
     "DELETE multi_table | t! u"},
    {"DELETE x FROM t AS x JOIN u AS y ON x.a = y.a",
     "DELETE multi_table | t! u"},
    {"DELETE x, y FROM t x, db.u y, v z",
     "DELETE multi_table | t! db.u! v"},
    {"DELETE db.t FROM db.t, u",
     "DELETE multi_table | db.t! u"},
    {"DELETE t.*, u.* FROM t, u",
     "DELETE multi_table | t! u!"},
    {"DELETE FROM x USING t AS x JOIN u",
     "DELETE multi_table | t! u"},
    {"DELETE FROM t, u.* USING t JOIN u JOIN v",
     "DELETE multi_table | t! u! v"},
    {"DELETE FROM a, b",
     "UNKNOWN"},
    {"DELETE nowhere FROM t, u",
     "DELETE multi_table | t! u!"},
    {"DELETE t",
     "UNKNOWN"},
    {"DELETE FROM t WHERE a = SLEEP(1)",
     "DELETE deferred_hazard | t!"},
    {"DELETE FROM t WHERE a = 'x",
     "UNKNOWN partial | t!"},
};
// clang-format on

} // namespace

TEST_CASE("writes give their tables, their shape and what would mean something else later") {
  for (const auto& [text, found] : writes) {
    CAPTURE(text);
    CHECK(describe(text, mariadb()) == found);
    CHECK(describe(text, mysql()) == found);
  }
}

TEST_CASE("a single plain column that an INSERT returns is named, and where its clause begins") {
  struct returning {
    std::string_view before; // RETURNING
    std::string_view clause;
    std::string_view column; // empty: anything else is returned
  };
  constexpr returning cases[] = {
      {"INSERT INTO t (a) VALUES (1), (2) ", "RETURNING id", "id"},
      {"INSERT INTO `t` (`a`) VALUES ('RETURNING x') ", "RETURNING `t`.`id`", "id"},
      {"REPLACE t SET a = 1 ", "returning db.t.id /* that */ ;", "id"},
      {"INSERT INTO t VALUES (1) ", "RETURNING id, a", ""},
      {"INSERT INTO t VALUES (1) ", "RETURNING *", ""},
      {"INSERT INTO t VALUES (1) ", "RETURNING id + 1", ""},
      {"INSERT INTO t VALUES (1) ", "RETURNING f(id)", ""},
      {"INSERT INTO t VALUES (1) ", "RETURNING id AS x", ""},
      {"INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = 1 ", "RETURNING id", ""},
      {"INSERT INTO t SELECT 1 ", "RETURNING id", ""},
      {"INSERT INTO t VALUES (1) /*! ", "RETURNING id */", ""},
  };
  for (const auto& [before, clause, column] : cases) {
    const auto text = std::string(before) + std::string(clause);
    CAPTURE(text);
    analysis found;
    found.analyze(text, mariadb());
    const auto& one = found.first();
    CHECK(has(one.traits, trait::returning));
    CHECK(one.insert.returned.unquoted() == column);
    if (!column.empty()) CHECK(one.insert.returning_at == before.size());
  }
  analysis found;
  found.analyze("INSERT INTO t VALUES (1) RETURNING id", mysql());
  CHECK(found.first().insert.returned.empty());
}
