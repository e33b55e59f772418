// What a file that a person has written or changed may say, and what is wrong in which line.
#include "proxy/sql_files/unit_reader.hpp"

#include <doctest/doctest.h>

#include <sstream>

using namespace holdwater::proxy;

namespace {

const std::string settings = "SET sql_mode = '', character_set_client = 'utf8mb4';\n";
const std::string queue(32, 'b');

std::string head(int number, const std::string& account, const std::string& of = queue) {
  return print_unit_head({static_cast<std::uint64_t>(number), account, of}, "2026-11-26 20:00:00.000000 UTC");
}

struct whole {
  std::vector<read_unit> units;
  std::string error;
};

whole read(const std::string& text, const std::string& account = "app") {
  std::istringstream file(text);
  unit_reader reader(file, account);
  whole out;
  read_unit one;
  while (reader.next(one) == unit_reader::outcome::unit) out.units.push_back(one);
  out.error = reader.error();
  return out;
}

// With what says at the end that it is whole.
whole read_numbered(const std::string& text, std::uint64_t units) {
  return read(text + print_end(units));
}

std::string error_of(const std::string& text, const std::string& account = "app") {
  return read(settings + text, account).error;
}

} // namespace

TEST_CASE("a plain file of an account is taken statement by statement") {
  const auto all =
      read(settings + "USE shop;\nDELETE FROM a;\nSTART TRANSACTION;\nDELETE FROM b;\n\nDELETE FROM c;\n"
                      "COMMIT;\nBEGIN; COMMIT;\nDELETE FROM d;");
  CHECK(all.error.empty());
  REQUIRE(all.units.size() == 3);
  CHECK(all.units[0].what.account == "app");
  CHECK(all.units[0].what.statements[0].context.database == "shop");
  CHECK(all.units[0].head.number == 0);
  CHECK(all.units[1].lines == std::vector<std::uint64_t>{5, 7});
  CHECK(all.units[1].last_line == 8);
  CHECK(all.units[2].what.statements[0].text == "DELETE FROM d");
}

TEST_CASE("what is wrong is said with its line") {
  CHECK(error_of("BEGIN;\nDELETE FROM t;") == "line 2: the transaction that begins here has no COMMIT");
  CHECK(error_of("COMMIT;") == "line 2: no transaction is open");
  CHECK(error_of("BEGIN;BEGIN;") == "line 2: a transaction is open already");
  CHECK(error_of("START TRANSACTION READ ONLY;").starts_with("line 2: "));
  CHECK(error_of("SET GLOBAL sql_mode = '';").starts_with("line 2: SET of sql_mode: "));
  CHECK(error_of("SET NAMES latin1;").starts_with("line 2: SET of this: "));
  CHECK(error_of("SET wait_timeout = 1;").starts_with("line 2: SET of wait_timeout: "));
  CHECK(error_of("SET timestamp = 'x';").starts_with("line 2: SET of timestamp: "));
  CHECK(error_of("SET foreign_key_checks = 2;").starts_with("line 2: SET of foreign_key_checks: "));
  CHECK(error_of("SET @x = NOW();").starts_with("line 2: SET of @x: "));
  CHECK(error_of("EXECUTE p;").starts_with("line 2: EXECUTE of"));
  CHECK(error_of("PREPARE p FROM @p;").starts_with("line 2: PREPARE of"));
  CHECK(error_of("SET transaction_isolation = 'GARBAGE';").starts_with("line 2: SET of transaction_iso"));
  CHECK(error_of("DELETE FROM t;", "").starts_with("line 2: whose write"));
  CHECK(read("\nDELETE FROM t;").error.starts_with("line 2: sql_mode and character_set_client"));
}

TEST_CASE("numbers rise, are of one queue, and are not there for some writes only") {
  const std::string write = settings + "DELETE FROM t;\n";
  const auto good = read_numbered(head(1, "a") + write + head(3, "b") + write, 2);
  CHECK(good.error.empty());
  CHECK(good.units.at(1).what.account == "b");
  CHECK(read(head(3, "a") + write + head(3, "b") + write).error == "line 4: number 3 does not follow 3");
  CHECK(
      read(head(3, "a") + write + head(4, "b", std::string(32, 'c')) + write).error.starts_with("line 4: "));
  CHECK(read(head(3, "a") + write + write)
            .error.starts_with("line 5: the writes before this one have numbers"));
  CHECK(
      read(write + head(3, "a") + write).error.starts_with("line 3: the writes before this one have no num"));
}

TEST_CASE("a head counts only between two units") {
  const std::string write = settings + "DELETE FROM t;\n";
  CHECK(read(settings + head(1, "root") + "DELETE FROM t;").error.starts_with("line 2: the SET before"));
  CHECK(read("BEGIN;\n" + head(1, "root") + write + "COMMIT;").error.starts_with("line 2: the transaction"));
  CHECK(read(head(1, "a") + "BEGIN;" + write + head(2, "root") + write + "COMMIT;")
            .error.starts_with("line 4: the transaction"));
  CHECK(read(write + "SET insert_id = 7;\n" + head(1, "root") + write).error.starts_with("line 4: the SET"));
}

TEST_CASE("a number whose write is missing gives its account to no other") {
  const std::string write = settings + "DELETE FROM t;\n";
  const std::string missing = "the write of number 2 is missing";
  const auto cut = read_numbered(head(1, "a") + write + head(2, "a") + "SET timestamp = 1;\n" + head(3, "b") +
                                     "SET timestamp = 2;\nDELETE FROM u;\n",
                                 2);
  CHECK(cut.units.size() == 1);
  CHECK(cut.error == "line 6: " + missing);
  CHECK(read(head(1, "a") + write + head(2, "a") + head(3, "b") + write).error == "line 5: " + missing);
  CHECK(read_numbered(head(1, "a") + write + head(2, "a"), 1).error == "line 6: " + missing);
}

TEST_CASE("a file that was cut is told, wherever that was") {
  const std::string write = settings + "DELETE FROM t\n;\n\n";
  const auto text =
      head(1, "a") + write + head(2, "b") + "DELETE FROM t WHERE id = 123\n;\n\n" + print_end(2);
  CHECK(read(text).error.empty());
  CHECK(read(text).units.size() == 2);
  for (std::size_t size = 0; size + 1 < text.size(); ++size) {
    const auto part = read(text.substr(0, size));
    INFO(size);
    CHECK(part.units.size() <= 2);
    CHECK(!part.error.empty());
  }
  CHECK(error_of("DELETE FROM t").starts_with("line 2: the statement that begins here has no ;"));
  CHECK(read_numbered(head(1, "a") + write, 2).error.find("says that it has 2 writes, and here are 1") !=
        std::string::npos);
  CHECK(read(head(1, "a") + write + print_end(1) + "DELETE FROM t;")
            .error.starts_with("line 7: this is behind"));
  CHECK(read(text + print_end(2)).error.find("was above already") != std::string::npos);
  CHECK(read(head(1, "a", "") + write).error.empty()); // of an older version
}

TEST_CASE("a file without a write is taken only when it says so") {
  CHECK(read(print_end(0)).error.empty());
  CHECK(read("-- an export of an empty queue\n" + print_end(0)).error.empty());
  for (const auto& text : {std::string(), std::string("\n-- only a comment\n"), settings})
    CHECK(read(text).error.find("there is no write in it") != std::string::npos);
}

TEST_CASE("a head is read from its end, since a name may hold anything") {
  const auto one = unit_head{7, "a, accepted b, queue c", queue};
  CHECK(read_unit_head(print_unit_head(one, "now")) == one);
  CHECK(read_unit_head("-- number 7, account a, accepted b, queue c, accepted now, queue " + queue) == one);
  CHECK(read_unit_head("-- number 7, account a, accepted now") == unit_head{7, "a", ""});
  CHECK_FALSE(read_unit_head("-- number 0, account a, accepted now"));
  CHECK_FALSE(read_unit_head("-- number x, account a, accepted now"));
  CHECK_FALSE(read_unit_head("-- number 7, account a"));
}

TEST_CASE("only what is a literal in every mode is kept of a variable") {
  for (const char* good : {"NULL", "42", "-1.5", "''", "'' COLLATE utf8mb4_general_ci", "_utf8mb4 0x61",
                           "_latin1 0xE9 COLLATE latin1_bin"})
    CHECK_MESSAGE(is_kept_literal(good), good);
  for (const char* bad :
       {"", "-", ".", "1; DROP TABLE t", "_utf8mb4 0x", "_utf8mb4 0x61 COLLATE", "_utf8mb4 0x61, @y = 1",
        "NOW()", "'a'", "1 OR 1", "'' COLLATE", "'' COLLATE a, @y = 1", "42 COLLATE utf8mb4_bin"})
    CHECK_FALSE_MESSAGE(is_kept_literal(bad), bad);
  CHECK(read(settings + "SET @x = 'a'; UPDATE t SET s = @X;").units.at(0).what.statements[0].user_variables ==
        std::vector<holdwater::spool::user_variable>{{"X", "_utf8mb4 0x61"}});
  const auto empty = read(settings + "SET @x = '' COLLATE utf8mb4_bin; UPDATE t SET s = @x;");
  CHECK(empty.error.empty());
  CHECK(empty.units.at(0).what.statements[0].user_variables ==
        std::vector<holdwater::spool::user_variable>{{"x", "'' COLLATE utf8mb4_bin"}});
}

TEST_CASE("a write of a plain file gets all variables that are set, but no text that was prepared from one") {
  using variables = std::vector<holdwater::spool::user_variable>;
  const auto all = read(settings + "SET @a = 1, @B = 2, @c = NULL, @p = 'DELETE FROM t'; DELETE FROM u;\n"
                                   "PREPARE s FROM @p; EXECUTE s;\n"
                                   "SET @a = NULL; UPDATE t SET n = @c, m = @b; DELETE FROM u WHERE s = @p;");
  CHECK(all.error.empty());
  REQUIRE(all.units.size() == 4);
  const auto of = [&](std::size_t unit) { return all.units[unit].what.statements[0].user_variables; };
  CHECK(of(0) == variables{{"a", "1"}, {"B", "2"}, {"p", "_utf8mb4 0x44454c4554452046524f4d2074"}});
  CHECK(of(1) == variables{{"a", "1"}, {"B", "2"}});
  CHECK(of(2) == variables{{"c", "NULL"}, {"b", "2"}});
  CHECK(of(3) == variables{{"p", "_utf8mb4 0x44454c4554452046524f4d2074"}, {"B", "2"}});
}
