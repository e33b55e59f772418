// What differs between MySQL, MariaDB and the modes of sql_mode.
#include "sql_describe.hpp"

#include <doctest/doctest.h>

using namespace holdwater::protocol::sql;

namespace {

// clang-format off
const row in_mysql[] = {
    {"TABLE db.t ORDER BY a LIMIT 1",
     "SELECT pure | db.t"},
    {"VALUES ROW(1, 2), ROW(3, 4)",
     "SELECT pure"},
    {"SELECT 1 UNION TABLE t",
     "SELECT pure | t"},
    {"SELECT * FROM t WHERE a IN (TABLE u)",
     "SELECT pure | t u"},
    {"SELECT /*+ MAX_EXECUTION_TIME(1000) */ 1 FROM t",
     "SELECT pure | t"},
    {"SELECT /*+ SET_VAR(sort_buffer_size = 16M) */ 1 FROM t",
     "SELECT deferred_hazard | t"},
    {"INSERT /*+ SET_VAR(insert_id = 5) */ INTO t VALUES (1)",
     "INSERT deferred_hazard | t! | values 1"},
    {"SELECT 1 /*!50701 , f() */",
     "SELECT unknown_function"},
    {"SELECT 1 /*!80024 FROM t */",
     "SELECT pure | t"},
    {"SELECT 1 /*!99999 FROM t */",
     "SELECT pure"},
    {"SELECT 1 /*!080024 FROM t */",
     "SELECT pure | t"},
    {"SELECT 1 /*!100100 FROM t */",
     "SELECT pure"},
    {"SELECT 1 /*!800001 FROM t */",
     "SELECT pure"},
    {"SELECT 1 /*!800001FROM t */",
     "SELECT pure"},
    {"SELECT 1 /*!FROM t */",
     "SELECT pure | t"},
    {"SELECT 1 /*M! FROM t */",
     "SELECT pure"},
    {"SELECT 1 /*M!100100 FROM t */",
     "SELECT pure"},
    {"SELECT 1 /*!99999 a /* b */ c */ FROM t",
     "SELECT pure | t"},
    {"SELECT 1 /*!50000 , 2 /* b */ */ FROM t",
     "SELECT pure | t"},
    {"SELECT $$a$$",
     "UNKNOWN"},
    {"SELECT a$b, $c FROM t",
     "SELECT pure | t"},
    {"SELECT NVL(a, 1), JSON_DETAILED(b) FROM t",
     "SELECT unknown_function | t"},
    {"SELECT ANY_VALUE(a), BIN_TO_UUID(b), REGEXP_LIKE(c, 'd') FROM t",
     "SELECT pure | t"},
    {"SELECT NEXTVAL(s)",
     "SELECT unknown_function sequence_access | s!"},
    {"SELECT MD5(a) FROM t",
     "SELECT unknown_function | t"},
    {"SELECT BINLOG_GTID_POS(1), DES_ENCRYPT('a')",
     "SELECT deferred_hazard unknown_function"},
    {"SELECT POINT(1, 2), LINESTRING(a, b), ICU_VERSION()",
     "SELECT pure"},
    {"SELECT MASTER_POS_WAIT('a', 1), WAIT_FOR_EXECUTED_GTID_SET('x')",
     "SELECT deferred_hazard"},
    {"SELECT GTID_SUBSET('a', 'b')",
     "SELECT pure"},
    {"SELECT returning FROM t",
     "SELECT pure | t"},
    {"INSERT INTO t VALUES (1) RETURNING a",
     "UNKNOWN | t!"},
    {"EXPLAIN INTO @x FORMAT=JSON SELECT * FROM t",
     "SHOW into_target writes_variable | t"},
    {"ANALYZE SELECT * FROM t",
     "ADMIN"},
    {"DELETE history FROM history JOIN u",
     "DELETE multi_table | history! u"},
    {R"sql(PREPARE s FROM "SELECT 1")sql",
     R"sql(PREPARE | other s = "SELECT 1" | <s>)sql"},
    {R"sql(SELECT "a" FROM t)sql",
     "SELECT pure | t"},
    {"INSERT INTO t VALUES (VALUES(a))",
     "INSERT | t! | values 1"},
    {"CREATE SPATIAL REFERENCE SYSTEM 4120 NAME 'x'",
     "DDL"},
    {R"sql(SELECT \N)sql",
     "SELECT pure"},
};
// clang-format on

// clang-format off
const row in_mariadb[] = {
    {"SELECT 1 /*!50701 , f() */",
     "SELECT pure"},
    {"SELECT 1 /*!80024 FROM t */",
     "SELECT pure"},
    {"SELECT 1 /*!99999 FROM t */",
     "SELECT pure"},
    {"SELECT 1 /*!50699 FROM t */",
     "SELECT pure | t"},
    {"SELECT 1 /*!100100 FROM t */",
     "SELECT pure | t"},
    {"SELECT 1 /*!101101 FROM t */",
     "SELECT pure"},
    {"SELECT 1 /*!050000 FROM t */",
     "SELECT pure | t"},
    {"SELECT 1 /*M! FROM t */",
     "SELECT pure | t"},
    {"SELECT 1 /*M!100100 FROM t */",
     "SELECT pure | t"},
    {"SELECT 1 /*M!50701 FROM t */",
     "SELECT pure | t"},
    {"SELECT 1 /*M!101101 FROM t */",
     "SELECT pure"},
    {"SELECT 1 /*!99999 a /* b */ c */ FROM t",
     "SELECT pure | t"},
    {"SELECT 1 /*M FROM t */",
     "SELECT pure"},
    {"SELECT NVL(a, 1), JSON_DETAILED(b), SFORMAT('{}', c) FROM t",
     "SELECT pure | t"},
    {"SELECT ANY_VALUE(a) FROM t",
     "SELECT unknown_function | t"},
    {"SELECT MD5(a), SHA1(b), POINT(1, f), POINT(GREATEST(1, 2), 3), POLYGON(a) FROM t",
     "SELECT pure | t"},
    {"SELECT POINT(1)",
     "SELECT unknown_function"},
    {"SELECT POINT(1, 2, 3)",
     "SELECT unknown_function"},
    {"SELECT POINT(GREATEST(1, 2))",
     "SELECT unknown_function"},
    {"SELECT MULTIPOINT()",
     "SELECT unknown_function"},
    {"SELECT RANK (1)",
     "SELECT unknown_function"},
    {"SELECT TRIM_ORACLE (a) FROM t",
     "SELECT unknown_function | t"},
    {"SELECT ICU_VERSION()",
     "SELECT unknown_function"},
    {"SELECT PS_CURRENT_THREAD_ID()",
     "SELECT session_function unknown_function"},
    {"SELECT KDF('a', 'b'), VEC_TOTEXT(c), TO_DATE('x') FROM t",
     "SELECT unknown_function | t"},
    {"SELECT NEXT VALUE FOR s",
     "SELECT sequence_access | s!"},
    {"SELECT PREVIOUS VALUE FOR db.s",
     "SELECT sequence_access | db.s!"},
    {"SELECT NEXTVAL(s), LASTVAL(db.s), SETVAL(q, 5, 1)",
     "SELECT sequence_access | s! db.s q!"},
    {"SELECT s.nextval, db.s.currval",
     "SELECT sequence_access | s! db.s!"},
    {"SELECT next, previous FROM t",
     "SELECT pure | t"},
    {"INSERT INTO t VALUES (NEXT VALUE FOR s)",
     "INSERT sequence_access | t! s! | values 1"},
    {"INSERT INTO t VALUES (1) RETURNING id, f(a)",
     "INSERT returning unknown_function | t! | values 1"},
    {"INSERT INTO t SELECT * FROM u RETURNING id",
     "INSERT returning select_source | t! u | select"},
    {"REPLACE INTO t VALUES (1) RETURNING *",
     "REPLACE returning | t! | values 1"},
    {"DELETE FROM t WHERE a = 1 RETURNING b",
     "DELETE returning | t!"},
    {"INSERT INTO t SET a = 1 RETURNING id",
     "INSERT returning | t! | set 1 (a)"},
    {"DELETE HISTORY FROM t BEFORE SYSTEM_TIME '2020-01-01'",
     "UNKNOWN"},
    {"DELETE FROM t FOR PORTION OF p FROM '2020-01-01' TO '2021-01-01'",
     "DELETE | t!"},
    {"UPDATE t FOR PORTION OF p FROM a TO b SET c = 1",
     "UPDATE | t!"},
    {"ANALYZE SELECT * FROM t",
     "SHOW pure | t"},
    {"ANALYZE FORMAT=JSON SELECT * FROM t",
     "SHOW pure | t"},
    {"ANALYZE UPDATE t SET a = 1",
     "UNKNOWN"},
    {"ANALYZE FORMAT=JSON DELETE FROM t",
     "UNKNOWN"},
    {"ANALYZE TABLE t",
     "ADMIN"},
    {"SELECT 1 FROM t LIMIT ROWS EXAMINED 10",
     "SELECT pure | t"},
    {"CREATE SEQUENCE s",
     "DDL"},
    {"CREATE TEMPORARY SEQUENCE s",
     "DDL temporary_table"},
    {"CREATE OR REPLACE PACKAGE BODY p AS a INT; b INT; END",
     "DDL"},
    {"EXECUTE IMMEDIATE CONCAT('SELECT ', '1')",
     "UNKNOWN"},
    {"VALUES (1, 2), (3, 4)",
     "SELECT pure"},
    {"SELECT MASTER_GTID_WAIT('x'), BINLOG_GTID_POS('a', 1)",
     "SELECT deferred_hazard"},
    {R"sql(SELECT \N)sql",
     "SELECT pure"},
    {"SELECT $$a$$ FROM t",
     "SELECT pure | t"},
    {"BACKUP STAGE START",
     "LOCK TABLES"},
    {"SELECT PASSWORD('x'), ENCRYPT('y')",
     "SELECT pure random_value"},
};
// clang-format on

// clang-format off
const row ansi_quotes[] = {
    {R"sql(SELECT "a" FROM "t")sql",
     "SELECT pure | t"},
    {R"sql(SELECT "a""b" FROM "my ""t")sql",
     R"sql(SELECT pure | my "t)sql"},
    {R"sql(SELECT "a\" FROM t)sql",
     "SELECT pure | t"},
    {R"sql(INSERT INTO "t" ("a") VALUES ('x'))sql",
     "INSERT | t! | values 1 (a)"},
};
// clang-format on

// clang-format off
const row no_backslash[] = {
    {R"sql(SELECT 'a\' FROM t)sql",
     "SELECT pure | t"},
    {R"sql(INSERT INTO t VALUES ('\'), (2))sql",
     "INSERT | t! | values 2"},
};
// clang-format on

} // namespace

TEST_CASE("MySQL reads what MySQL would run") {
  for (const auto& [text, found] : in_mysql) {
    CAPTURE(text);
    CHECK(describe(text, mysql()) == found);
  }
}

TEST_CASE("MariaDB reads what MariaDB would run") {
  for (const auto& [text, found] : in_mariadb) {
    CAPTURE(text);
    CHECK(describe(text, mariadb()) == found);
  }
}

TEST_CASE("with ANSI_QUOTES a double quote opens a name") {
  auto how = mysql();
  apply_sql_mode(how, "ANSI_QUOTES");
  for (const auto& [text, found] : ansi_quotes) {
    CAPTURE(text);
    CHECK(describe(text, how) == found);
  }
}

TEST_CASE("with NO_BACKSLASH_ESCAPES a backslash is a character") {
  auto how = mysql();
  apply_sql_mode(how, "NO_BACKSLASH_ESCAPES");
  for (const auto& [text, found] : no_backslash) {
    CAPTURE(text);
    CHECK(describe(text, how) == found);
  }
}
