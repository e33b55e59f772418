// Which reads may be answered later as they were answered now.
#include "protocol/sql/lasting_reads.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace holdwater::protocol::sql;

namespace {

bool lasts(const std::string& text, std::string_view database = "shop", bool mariadb = true) {
  dialect how;
  how.mariadb = mariadb;
  how.version = mariadb ? 101100 : 90700;
  analysis found;
  found.analyze(text, how);
  return found.single() && is_lasting_read(text, found.first(), database, how);
}

bool takes_rights(const std::string& text) {
  const dialect how;
  analysis found;
  found.analyze(text, how);
  return changes_rights(text, found.first(), how);
}

} // namespace

TEST_CASE("reads of tables, and of what describes them, last") {
  for (const char* text : {"SELECT * FROM t",
                           "select a, count(*) from t where b = 5 group by a",
                           "SELECT 1 FROM t LIMIT 1",
                           "WITH x AS (SELECT * FROM t) SELECT * FROM x",
                           "(SELECT a FROM t) UNION (SELECT b FROM u)",
                           "SELECT * FROM t WHERE at < NOW()",
                           "SELECT USER(), t.* FROM t",
                           "TABLE t",
                           "SELECT SQL_CALC_FOUND_ROWS * FROM t LIMIT 5",
                           "SHOW TABLES",
                           "SHOW FULL TABLES FROM shop",
                           "SHOW FULL COLUMNS FROM t",
                           "show index from t",
                           "SHOW CREATE TABLE t",
                           "SHOW CREATE VIEW v",
                           "SHOW DATABASES",
                           "SHOW TABLE STATUS",
                           "SHOW GLOBAL VARIABLES LIKE 'ft\\_min\\_word\\_len'",
                           "SELECT @@GLOBAL.read_only AS Value",
                           "SELECT /* why */ @@global . read_only, @@global.sql_mode, 1",
                           "show /* why */ global variables like 'max_allowed_packet'",
                           "SHOW TABLE STATUS LIKE 't'",
                           "SHOW CHARACTER SET",
                           "SHOW PROCEDURE STATUS",
                           "DESCRIBE t",
                           "desc shop.t",
                           "EXPLAIN t",
                           "SELECT * FROM information_schema.tables",
                           "SELECT * FROM INFORMATION_SCHEMA.COLUMNS WHERE a = 'b'"})
    CHECK_MESSAGE(lasts(text), text);
}

TEST_CASE("what locks, changes, asks the session or chance, or is of the moment, does not") {
  for (const char* text : {"SELECT * FROM t FOR UPDATE",
                           "SELECT * FROM t LOCK IN SHARE MODE",
                           "SELECT * FROM t FOR SHARE",
                           "SELECT * FROM t INTO OUTFILE 'x'",
                           "SELECT a INTO @x FROM t",
                           "SELECT @x FROM t",
                           "SELECT @x := a FROM t",
                           "SELECT @@sql_mode FROM t",
                           "SELECT LAST_INSERT_ID() FROM t",
                           "SELECT FOUND_ROWS() FROM t",
                           "SELECT ROW_COUNT() FROM t",
                           "SELECT CONNECTION_ID() FROM t",
                           "SELECT UUID() FROM t",
                           "SELECT * FROM t ORDER BY RAND()",
                           "SELECT SLEEP(1) FROM t",
                           "SELECT GET_LOCK('a', 1) FROM t",
                           "SELECT f(a) FROM t",
                           "SELECT shop.f(a) FROM t",
                           "SELECT NEXTVAL(s) FROM t",
                           "SELECT NEXT VALUE FOR s",
                           "SELECT NOW()",
                           "SELECT 1",
                           "SELECT 1 FROM DUAL",
                           "SELECT /*+ SET_VAR(sql_mode='') */ a FROM t",
                           "SELECT 'a",
                           "SELECT 1; SELECT 2 FROM t",
                           "INSERT INTO t VALUES (1)",
                           "UPDATE t SET a = 1",
                           "CALL p()",
                           "SHOW WARNINGS",
                           "SHOW ERRORS",
                           "SHOW STATUS",
                           "SHOW GLOBAL STATUS",
                           "SHOW VARIABLES",
                           "SHOW GLOBAL VARIABLES",
                           "SHOW GLOBAL VARIABLES LIKE '%'",
                           "SHOW GLOBAL VARIABLES LIKE 'max%'",
                           "SELECT @@global.gtid_executed",
                           "SELECT @@global.read_only, @@session.sql_mode",
                           "SELECT @@global.read_only, @@sql_mode",
                           "SELECT @@global.read_only, @x",
                           "SELECT @@global.read_only, RAND()",
                           "SELECT @@global.read_only FROM t",
                           "SELECT @@global.read_only INTO @x",
                           "SHOW GLOBAL VARIABLES LIKE 'gtid_executed'",
                           "SHOW GLOBAL VARIABLES WHERE Variable_name = 'port'",
                           "SHOW GLOBAL VARIABLES LIKE 'port' x",
                           "SHOW PROCESSLIST",
                           "SHOW FULL PROCESSLIST",
                           "SHOW GRANTS",
                           "SHOW CREATE USER app",
                           "SHOW SLAVE STATUS",
                           "SHOW REPLICA STATUS",
                           "SHOW MASTER STATUS",
                           "SHOW ENGINE INNODB STATUS",
                           "SHOW OPEN TABLES",
                           "SHOW COUNT(*) WARNINGS",
                           "SHOW BINARY LOGS",
                           "EXPLAIN SELECT * FROM t",
                           "DESCRIBE SELECT * FROM t",
                           "EXPLAIN UPDATE t SET a = 1",
                           "ANALYZE SELECT * FROM t",
                           "HELP 'x'",
                           "SELECT * FROM mysql.user",
                           "SELECT * FROM `mysql`.`user`",
                           "SELECT * FROM t JOIN MYSQL.db",
                           "SELECT * FROM performance_schema.threads",
                           "SELECT * FROM sys.processlist",
                           "SELECT * FROM information_schema.processlist",
                           "SELECT * FROM information_schema.session_variables",
                           "SELECT * FROM information_schema.innodb_trx",
                           "SELECT (SELECT COUNT(*) FROM mysql.user) FROM t"})
    CHECK_MESSAGE(!lasts(text), text);
  CHECK_FALSE(lasts("SELECT * FROM user", "mysql"));
  CHECK_FALSE(lasts("SELECT * FROM processlist", "information_schema"));
  CHECK_FALSE(lasts("SELECT MD5(a) FROM t", "shop", false)); // stored or loadable in MySQL 9
  CHECK(lasts("SELECT * FROM tables", "information_schema"));
}

TEST_CASE("what may take a right away is noticed") {
  for (const char* text :
       {"REVOKE SELECT ON shop.t FROM app", "grant all on *.* to app", "DROP USER app",
        "/* x */ REVOKE/**/ALL ON *.* FROM app", "ALTER USER app ACCOUNT LOCK", "DROP ROLE r",
        "CREATE OR REPLACE ROLE r", "RENAME USER a TO b", "FLUSH PRIVILEGES", "DELETE FROM mysql.db",
        "UPDATE mysql.tables_priv SET Table_priv = ''"})
    CHECK_MESSAGE(takes_rights(text), text);
  for (const char* text : {"CREATE TABLE t (a INT)", "ALTER TABLE user ADD b INT", "DELETE FROM t",
                           "FLUSH TABLES", "SELECT * FROM t", "DROP TABLE user"})
    CHECK_MESSAGE(!takes_rights(text), text);
}

TEST_CASE("what another server would answer otherwise is told apart") {
  const auto tells = [](const std::string& text) {
    analysis found;
    found.analyze(text, {});
    return tells_of_one_server(text, found.first(), {});
  };
  for (const char* text :
       {"SELECT @@global.read_only", "SHOW GLOBAL VARIABLES LIKE 'port'", "show /* x */ global variables"})
    CHECK_MESSAGE(tells(text), text);
  for (const char* text : {"SELECT * FROM t", "SHOW TABLES", "SHOW CREATE TABLE `global`", "DESCRIBE t"})
    CHECK_MESSAGE(!tells(text), text);
}
