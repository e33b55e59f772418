// What an import may queue: what a client of that account could have.
#include "proxy/spooling/check_import.hpp"

#include <doctest/doctest.h>

using namespace holdwater;
using namespace holdwater::proxy;

namespace {

constexpr std::chrono::microseconds now{1'700'000'000'000'000};

import_terms usual() {
  import_terms out;
  out.accounts = {"app", "clerk"};
  out.dialect.mariadb = true;
  out.dialect.version = 101'100;
  out.max_statement_bytes = 1000;
  out.max_transaction_bytes = 1500;
  out.max_transaction_statements = 3;
  return out;
}

spool::statement statement(std::string text) {
  spool::statement out;
  out.text = std::move(text);
  out.context.database = "shop";
  out.context.character_set_client = "utf8mb4";
  return out;
}

spool::unit unit(std::vector<spool::statement> statements) {
  spool::unit out;
  out.account = "app";
  out.statements = std::move(statements);
  return out;
}

std::string why(spool::unit what, const import_terms& terms = usual()) {
  const auto refused = check_import(what, terms, now);
  return refused ? refused->why : std::string();
}
std::string why(const std::string& text) {
  return why(unit({statement(text)}));
}

} // namespace

TEST_CASE("a plain write is taken, and what the file cannot say is filled in") {
  auto one = unit({statement("INSERT INTO t VALUES (1)"), statement("UPDATE other.`u` SET a = NOW()")});
  one.statements[1].timestamp = std::chrono::microseconds(5);
  CHECK_FALSE(check_import(one, usual(), now));
  CHECK(one.accepted_at == now);
  CHECK(one.statements[0].timestamp == now);
  CHECK(one.statements[1].timestamp.count() == 5);
  CHECK(one.statements[0].tables == std::vector<spool::table_name>{{"shop", "t"}});
  CHECK(one.statements[1].tables == std::vector<spool::table_name>{{"other", "u"}});
}

TEST_CASE("what a session would refuse in an outage is refused") {
  for (const char* text : {"SELECT 1",
                           "DROP TABLE t",
                           "CALL p()",
                           "LOAD DATA INFILE 'x' INTO TABLE t",
                           "SET @x = 1",
                           "COMMIT",
                           "",
                           "DELETE FROM t; DELETE FROM u",
                           "nonsense",
                           "INSERT INTO t VALUES (SYSDATE())",
                           "INSERT INTO t VALUES (SLEEP(1))",
                           "INSERT INTO t VALUES (f(1))",
                           "UPDATE t SET a = LAST_INSERT_ID()",
                           "UPDATE t SET a = ROW_COUNT()",
                           "UPDATE t SET a = @@hostname",
                           "UPDATE t SET a = @x",
                           "INSERT INTO t VALUES (?)",
                           "INSERT INTO t VALUES ('",
                           "UPDATE mysql.user SET a = 1",
                           "INSERT INTO t VALUES (1) RETURNING a",
                           "UPDATE t SET a = (@y := 1)",
                           "UPDATE t SET a = 1 /*M!999999 ; */ ; DELETE FROM t"})
    CHECK_MESSAGE(!why(text).empty(), text);
}

TEST_CASE("what the file tells of variables and ids is taken into account, as long as it is a literal") {
  auto one = statement("UPDATE t SET a = @X, b = LAST_INSERT_ID()");
  one.last_insert_id = 7;
  one.user_variables = {{"x", "42"}};
  CHECK(why(unit({one})).empty());
  one.user_variables = {{"x", "42, @y = (SELECT 1)"}};
  CHECK(why(unit({one})) == "the value of @x is not a literal");
  auto bound = statement("DELETE FROM t");
  bound.parameters.emplace_back();
  CHECK_FALSE(why(unit({bound})).empty());
}

TEST_CASE("accounts, sizes and rules hold for imports") {
  auto one = unit({statement("DELETE FROM t")});
  one.account = "stranger";
  CHECK(why(one).find("'stranger'") != std::string::npos);
  CHECK(why("DELETE FROM t WHERE a = '" + std::string(1000, 'x') + "'").find("max_statement_bytes") !=
        std::string::npos);
  const auto half = statement("DELETE FROM t WHERE a = '" + std::string(900, 'x') + "'");
  auto two = unit({half, half});
  const auto refused = check_import(two, usual(), now);
  REQUIRE(refused);
  CHECK(refused->statement == 1);
  CHECK_FALSE(why(unit(std::vector<spool::statement>(4, statement("DELETE FROM t")))).empty());
  auto ruled = usual();
  ruled.rules.push_back({.table = "t", .spool = false});
  CHECK_FALSE(why(unit({statement("DELETE FROM t")}), ruled).empty());
  CHECK(why(unit({statement("DELETE FROM u")}), ruled).empty());
}
