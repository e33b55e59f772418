// What is exported is read again as it was.
#include "proxy/sql_files/export_sql.hpp"
#include "proxy/sql_files/unit_reader.hpp"
#include "tests/unit/count_in.hpp"

#include <doctest/doctest.h>

#include <sstream>

using namespace holdwater;
using namespace proxy;

namespace {

const std::string queue(32, 'a');

spool::statement statement(std::string text) {
  spool::statement out;
  out.text = std::move(text);
  out.context = {.database = "shop",
                 .sql_mode = "STRICT_TRANS_TABLES",
                 .time_zone = "SYSTEM",
                 .lc_time_names = "en_US",
                 .character_set_client = "utf8mb4",
                 .collation_connection = "utf8mb4_general_ci",
                 .collation_server = "utf8mb4_general_ci",
                 .isolation = "REPEATABLE-READ"};
  out.timestamp = std::chrono::microseconds(1'700'000'000'000'250);
  return out;
}

spool::unit unit(spool::seq number, std::vector<spool::statement> statements, std::string account = "app") {
  spool::unit out;
  out.number = number;
  out.account = std::move(account);
  out.accepted_at = std::chrono::microseconds(1'700'000'000'000'250);
  out.statements = std::move(statements);
  return out;
}

std::vector<read_unit> read(const std::string& text) {
  std::istringstream file(text);
  unit_reader reader(file, {});
  std::vector<read_unit> out(1);
  while (reader.next(out.back()) == unit_reader::outcome::unit) out.emplace_back();
  out.pop_back();
  INFO(reader.error());
  CHECK(reader.error().empty());
  return out;
}

void stays(const std::vector<spool::unit>& units) {
  sql_export text(queue);
  auto sql = sql_export::head(queue, "holdwater_ledger");
  for (const auto& one : units) sql += text.unit(one);
  sql += print_end(units.size());
  INFO(sql);
  const auto again = read(sql);
  REQUIRE(again.size() == units.size());
  for (std::size_t i = 0; i < units.size(); ++i) {
    CHECK(again[i].head == unit_head{units[i].number, units[i].account, queue});
    CHECK(again[i].what.account == units[i].account);
    REQUIRE(again[i].what.statements.size() == units[i].statements.size());
    for (std::size_t j = 0; j < units[i].statements.size(); ++j) {
      auto was = units[i].statements[j];
      auto is = again[i].what.statements[j];
      if (j == 0) { // as replay takes them
        was.last_insert_id = was.last_insert_id.value_or(0);
        is.last_insert_id = is.last_insert_id.value_or(0);
      }
      was.tables.clear(); // found anew where it is taken
      was.parameters.clear();
      CHECK(is.text == was.text);
      CHECK(is.context == was.context);
      CHECK(is == was);
    }
  }
}

} // namespace

TEST_CASE("texts stay, with quotes and comments, and in every sql_mode") {
  auto escapes = statement(R"(INSERT INTO t VALUES ('a\'; -- b', "c;"))");
  auto none = statement(R"(INSERT INTO t VALUES ('a\'))");
  none.context.sql_mode = "NO_BACKSLASH_ESCAPES,ANSI_QUOTES";
  auto zero = statement("UPDATE t SET a = '\xc3\xa9' -- why\n WHERE id = 1 # so");
  zero.context.sql_mode = "";
  stays({unit(3, {escapes}), unit(4, {none}), unit(5, {zero}), unit(9, {escapes}, "other, accepted by all")});
}

TEST_CASE("other character sets and bytes that are no text stay") {
  auto latin = statement("INSERT INTO t VALUES ('caf\xe9')");
  latin.context.character_set_client = "latin1";
  latin.context.collation_connection = "latin1_swedish_ci";
  auto chinese = statement("INSERT INTO t VALUES ('\x95\x5c')");
  chinese.context.character_set_client = "gbk";
  auto broken = statement("INSERT INTO t VALUES ('\xff')");
  stays({unit(1, {latin}), unit(2, {chinese}), unit(3, {broken}), unit(4, {statement("DELETE FROM t")})});
}

TEST_CASE("transactions, settings, ids and variables stay") {
  auto first = statement("INSERT INTO t (s) VALUES (@x)");
  first.insert_id = 1001;
  first.user_variables = {{"x", "_utf8mb4 0x61c3a9 COLLATE utf8mb4_general_ci"}};
  auto second = statement("UPDATE t SET n = @`y z`, at = NOW(), last = LAST_INSERT_ID()");
  second.last_insert_id = 1001;
  second.user_variables = {{"y z", "'' COLLATE utf8mb4_general_ci"}};
  second.context.foreign_key_checks = false;
  second.context.time_zone = "+05:00";
  second.context.auto_increment_increment = 2;
  second.context.settings = {{"block_encryption_mode", "aes-256-cbc"},
                             {"default_regex_flags", ""},
                             {"div_precision_increment", "12"}};
  auto third = statement("DELETE FROM other.t WHERE x = @n");
  third.user_variables = {{"n", "NULL"}};
  third.context.database = "weird`name";
  third.context.isolation = "READ-COMMITTED";
  third.context.settings = {{"block_encryption_mode", "aes-192-ecb"}};
  auto fourth = third;
  fourth.context.isolation = third.context.isolation;
  stays({unit(1, {first, second}), unit(2, {third, fourth}), unit(3, {first})});
}

TEST_CASE("a statement whose comments look like the head of a unit changes no account") {
  const std::string forged =
      "-- number 9, account root, accepted 2026-01-01 00:00:00.000000 UTC, queue " + queue;
  const auto inside = statement(forged + "\nUPDATE t SET a = 1 -- so\n" + forged);
  auto behind = statement("UPDATE t SET a = 1; " + forged);
  stays({unit(1, {inside}), unit(2, {behind}), unit(3, {behind, inside, behind}), unit(4, {inside})});
}

TEST_CASE("bound values are literals afterwards") {
  auto bound = statement("INSERT INTO t VALUES (?, ?)");
  bound.parameters = {{3, false, false, std::string("\x2a\0\0\0", 4)}, {253, false, false, "it's"}};
  sql_export text(queue);
  const auto again = read(text.unit(unit(1, {bound})) + print_end(1));
  REQUIRE(again.size() == 1);
  const auto& one = again.front().what.statements.front();
  CHECK(one.parameters.empty());
  CHECK(one.text.find("42") != one.text.npos);
  CHECK(one.text.find("69742773") != one.text.npos);
}

namespace {

spool::statement with_variables(std::vector<spool::user_variable> all) {
  auto out = statement("INSERT INTO t VALUES (1)");
  out.user_variables = std::move(all);
  return out;
}

std::string text_of(const std::vector<spool::unit>& units) {
  sql_export text(queue);
  std::string out;
  for (const auto& one : units) out += text.unit(one);
  return out;
}

} // namespace

TEST_CASE("variables stay that a statement's text does not name, each with its unit") {
  const auto first = with_variables({{"app_user", "_utf8mb4 0x61"}, {"y z", "42"}});
  const auto none = with_variables({});
  const auto other = with_variables({{"app_user", "7"}});
  auto prepared = with_variables({{"n", "1"}});
  prepared.text = "INSERT INTO t VALUES ('\xff')";
  stays({unit(1, {first}), unit(2, {none}), unit(3, {first, other, none}), unit(4, {none}),
         unit(5, {prepared}), unit(6, {none, first}), unit(7, {other})});
}

TEST_CASE("what an earlier unit has left is cleared before the next one") {
  auto alice = with_variables({{"app_user", "_utf8mb4 0x61"}, {"gone", "NULL"}});
  alice.last_insert_id = 7;
  const auto bob = with_variables({});
  auto text = text_of({unit(1, {alice}), unit(2, {bob, bob}), unit(3, {bob}), unit(4, {alice})});
  CHECK(count_in(text, "SET @`app_user` = NULL;\n") == 1);
  CHECK(count_in(text, "@`gone` = NULL") == 2); // as it was said
  CHECK(count_in(text, "last_insert_id = 0") == 1);
  CHECK(text.find("@`app_user` = NULL") > text.find("-- number 2,"));
  CHECK(text.find("last_insert_id = 0") < text.find("-- number 3,"));
}

TEST_CASE("a setting is said as it reads, and as in a fresh session where the next write has none") {
  auto one = statement("DELETE FROM t");
  one.context.settings = {{"block_encryption_mode", "aes-256-cbc"}, {"div_precision_increment", "12"}};
  const auto text = text_of({unit(1, {one}), unit(2, {one}), unit(3, {statement("DELETE FROM t")})});
  CHECK(count_in(text, "block_encryption_mode = 'aes-256-cbc', div_precision_increment = 12,") == 1);
  const auto cleared = text.find("block_encryption_mode = DEFAULT, div_precision_increment = DEFAULT,");
  CHECK(cleared != text.npos);
  CHECK(cleared > text.find("-- number 3,"));
}

TEST_CASE("an id that a unit has made is not the next one's LAST_INSERT_ID(), and within a unit it is") {
  auto makes = statement("INSERT INTO t VALUES (NULL)");
  makes.insert_id = 1001;
  const auto reads = statement("UPDATE t SET a = 1");
  CHECK(count_in(text_of({unit(1, {makes, reads})}), "last_insert_id") == 0);
  CHECK(count_in(text_of({unit(1, {makes, reads}), unit(2, {reads, reads}), unit(3, {reads})}),
                 "last_insert_id") == 1);
}

TEST_CASE("a variable whose name is of another character set is cleared while that is set") {
  auto latin = with_variables({{"\xfc", "1"}});
  latin.context.character_set_client = "latin1";
  const auto text = text_of({unit(1, {latin}), unit(2, {with_variables({})})});
  const auto second = text.find("-- number 2,");
  CHECK(text.find("SET @`\xfc` = NULL;", second) < text.find("character_set_client", second));
}

TEST_CASE("units that have no variables and make no ids are written as ever") {
  auto text = text_of({unit(1, {statement("DELETE FROM t")}), unit(2, {statement("DELETE FROM t")})});
  const auto second = text.substr(text.find("-- number 2,"));
  CHECK(second.substr(second.find('\n') + 1) == "SET timestamp = 1700000000.000250;\nDELETE FROM t\n;\n\n");
}

// Those of before have said all of a statement's variables, and no NULL for those that it has not.
TEST_CASE("a text of an older version gives no unit another one's variables") {
  const auto first = with_variables({{"app_user", "7"}});
  auto text = text_of({unit(1, {first}), unit(2, {with_variables({})})});
  const std::string clear = "SET @`app_user` = NULL;\n";
  REQUIRE(count_in(text, clear) == 1);
  text.erase(text.find(clear), clear.size());
  const auto again = read(text + print_end(2));
  REQUIRE(again.size() == 2);
  CHECK(again[0].what.statements[0].user_variables == first.user_variables);
  CHECK(again[1].what.statements[0].user_variables.empty());
}
