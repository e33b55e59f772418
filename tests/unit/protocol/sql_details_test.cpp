// Literals, cells, names, modes, charsets, places, and the reuse of one analysis.
#include "sql_describe.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <tuple>
#include <vector>

using namespace holdwater::protocol::sql;

namespace {

std::string cells(std::string_view text, std::size_t position) {
  analysis found;
  found.analyze(text, mariadb());
  std::string out;
  for (const auto one : cell_kinds(text, found.first(), position, mariadb()))
    out += "mgex"[static_cast<std::size_t>(one)];
  return out;
}

const statement& only(analysis& found, std::string_view text, const dialect& how = mysql()) {
  found.analyze(text, how);
  REQUIRE(found.single());
  return found.first();
}

} // namespace

TEST_CASE(
    "cells say whether the server would make the value: missing, generated, given (e), expression (x)") {
  CHECK(cells("INSERT INTO t (id, a) VALUES (NULL, 1), (0, 2), (DEFAULT, 3), (7, 4), (1 + 1, 5)", 0) ==
        "gggex");
  CHECK(cells("INSERT INTO t (a, id) VALUES ((1), '0'), (f(1, 2), '12'), ('),', ''), (1, 'a')", 1) == "gexx");
  CHECK(cells("INSERT INTO t VALUES (), (1), (1, -2), (1, -0), (1, @x), (1, ?)", 1) == "mmegxx");
  CHECK(cells("INSERT INTO t VALUES ROW(1, NULL), ROW(2, 3)", 1) == "ge");
  CHECK(cells("INSERT INTO t VALUES (1.5), (0.4), (0x10), (TRUE), (DEFAULT(a)), (NULL + 1)", 0) == "xxxxxx");
  CHECK(cells("INSERT INTO t SET a = (SELECT 1, 2), id = NULL ON DUPLICATE KEY UPDATE id = 5", 1) == "g");
  CHECK(cells("INSERT INTO t SET a = 1, id = 5", 1) == "e");
  CHECK(cells("INSERT INTO t SET a = 1, id = 5", 2) == "m");
  CHECK(cells("INSERT INTO t SELECT 1", 0).empty());
  CHECK(cells("SELECT 1; INSERT INTO t VALUES (1)", 0).empty());
  CHECK(cells("INSERT INTO t VALUES /* ( */ (1 /* , */, 2), -- (\n (3, NULL)", 1) == "eg");
}

TEST_CASE("where 0 is a value for the id, DEFAULT is that value too") {
  auto how = mysql();
  how.no_auto_value_on_zero = true;
  analysis found;
  const std::string_view text = "INSERT INTO t VALUES (DEFAULT), (0), (NULL), ('0')";
  const auto kinds = cell_kinds(text, only(found, text, how), 0, how);
  CHECK(kinds == std::vector<cell>{cell::given, cell::given, cell::generated, cell::given});
}

TEST_CASE("a literal's value is what the server would store") {
  CHECK(literal_value("'a''b'", mysql()) == "a'b");
  CHECK(literal_value(R"sql('a\'b\n\\\%')sql", mysql()) == "a'b\n\\\\%");
  CHECK(literal_value(R"sql("a""b")sql", mysql()) == "a\"b");
  CHECK(literal_value("'a' \"b\"\n'c'", mysql()) == "abc");
  CHECK(literal_value("_utf8mb4'x'", mysql()) == "x");
  CHECK(literal_value("N'x'", mysql()) == "x");
  CHECK(literal_value("x'4142'", mysql()) == "AB");
  CHECK(literal_value("b'01000001'", mysql()) == "A");
  CHECK(literal_value("-1.5", mysql()) == "-1.5");
  CHECK(literal_value("ON", mysql()) == "ON");
  CHECK(literal_value("`utf8`", mysql()) == "utf8");
  CHECK(literal_value("''", mysql()).empty());
  auto how = mysql();
  how.no_backslash_escapes = true;
  CHECK(literal_value(R"sql('a\')sql", how) == "a\\");
}

TEST_CASE("a name loses its quotes and their doubling") {
  CHECK(name{"a"}.unquoted() == "a");
  CHECK(name{"`a``b`"}.unquoted() == "a`b");
  CHECK(name{"\"a\"\"b\""}.unquoted() == "a\"b");
  CHECK(name{"`a\\`"}.unquoted() == "a\\");
  CHECK(name{}.unquoted().empty());
}

TEST_CASE("sql_mode decides quoting, by name, by combination and by number") {
  const auto of = [](std::string_view mode) {
    auto how = mysql();
    how.ansi_quotes = true; // of an earlier mode
    apply_sql_mode(how, mode);
    return std::string(how.ansi_quotes ? "a" : "") + (how.no_backslash_escapes ? "n" : "");
  };
  CHECK(of("").empty());
  CHECK(of("STRICT_TRANS_TABLES,ansi_quotes") == "a");
  CHECK(of("ANSI") == "a");
  CHECK(of("ORACLE") == "a");
  CHECK(of("ANSI_QUOTES, NO_BACKSLASH_ESCAPES") == "an");
  CHECK(of("4") == "a");
  CHECK(of("1048576") == "n");
}

TEST_CASE("the second byte of a character is neither a quote nor a backslash") {
  const auto of = [](std::string_view charset, std::string_view text) {
    auto how = mysql();
    how.client_charset = charset_class(charset);
    return describe(text, how);
  };
  constexpr std::string_view text = "INSERT INTO t VALUES ('\x95\x5c'), ('\x81\x5c')";
  CHECK(of("sjis", text) == "INSERT | t! | values 2");
  CHECK(of("cp932", text) == "INSERT | t! | values 2");
  CHECK(of("gbk", text) == "INSERT | t! | values 2");
  CHECK(of("gb18030", "INSERT INTO t VALUES ('\x95\x5c'), ('\x81\x30\x81\x30')") == "INSERT | t! | values 2");
  CHECK(of("big5", "INSERT INTO t VALUES ('\xa5\x5c'), ('b')") == "INSERT | t! | values 2");
  CHECK(of("utf8mb4", text) == "UNKNOWN partial | t!"); // there, the backslash takes the quote
  CHECK(of("latin1", "INSERT INTO t VALUES ('\x95\x5c')") == "UNKNOWN partial | t!");
  CHECK(of("gbk", "SELECT `\x95\x60` FROM `\x95\x60t`") == "SELECT pure | \x95\x60t");
  // a no-break space is white space to the server, outside of quotes
  CHECK(of("latin1", "SELECT 1 FROM t FOR\xa0UPDATE").starts_with("UNKNOWN"));
  CHECK(of("cp1251", "SELECT 1 FROM\xa0t").starts_with("UNKNOWN"));
  CHECK(of("koi8r", "SELECT @a\x9a FROM t").starts_with("UNKNOWN"));
  CHECK(of("latin1", "SELECT '\xa0' FROM `\xa0`, t\xe4") == "SELECT pure | \xa0 t\xe4");
  CHECK(of("utf8mb4", "SELECT 1 FROM t\xc3\xa0") == "SELECT pure | t\xc3\xa0");
}

// MySQL leaves out of a name what is no character, so `t\xfe` is the table t.
TEST_CASE("a name that holds what is no character is not believed") {
  const auto known = [](std::string_view charset, std::string_view text) {
    auto how = mysql();
    how.client_charset = charset_class(charset);
    return !describe(text, how).starts_with("UNKNOWN");
  };
  for (const std::string_view name : {"t\xfe", "t\xc3", "t\xc3(", "t\xe4\xb8", "t\xc0\xaf", "t\xe0\x80\x80",
                                      "t\xed\xa0\x80", "t\xf0\x9f\x98\x80", "\xa0t"}) {
    CAPTURE(name);
    CHECK_FALSE(known("utf8mb4", "SELECT a FROM " + std::string(name)));
    CHECK_FALSE(known("utf8mb4", "UPDATE `" + std::string(name) + "` SET a = 1"));
    CHECK_FALSE(known("", "UPDATE t SET a = @" + std::string(name)));
    CHECK_FALSE(known("utf8", "UPDATE t SET a = @'" + std::string(name) + "'"));
    CHECK(known("utf8mb4",
                "UPDATE t SET a = '" + std::string(name) + "'")); // the bytes of a string are its own
  }
  CHECK(known("utf8mb4", "SELECT \xc3\xa4 FROM `t\xe4\xb8\xad`, \xed\x9f\xbf"));
  CHECK(known("euckr", "SELECT a FROM t\xb0\xa1\xb0\xa2"));
  CHECK_FALSE(known("euckr", "SELECT a FROM t\xa0"));
  CHECK_FALSE(known("gb2312", "SELECT a FROM t\xb0"));
  CHECK(known("gbk", "SELECT a FROM t\x95\x60"));
  CHECK_FALSE(known("gbk", "SELECT a FROM t\x95"));
  CHECK(known("sjis", "SELECT a FROM \xb1\x95\x5c"));
  CHECK_FALSE(known("sjis", "SELECT a FROM t\x95"));
  CHECK(known("latin1", "SELECT a FROM t\xfe"));
}

TEST_CASE("a statement's place is its text without white space and semicolons") {
  constexpr std::string_view text = "  SELECT 1 ;\n /* c */ SELECT 2; ";
  analysis found;
  found.analyze(text, mysql());
  REQUIRE(found.statements().size() == 2);
  const auto& [first, second] = std::tie(found.statements()[0], found.statements()[1]);
  CHECK(text.substr(first.offset, first.size) == "SELECT 1");
  CHECK(text.substr(second.offset, second.size) == "/* c */ SELECT 2");
}

TEST_CASE("user variables that are read are named once") {
  analysis found;
  const auto& one = only(found, "SELECT @a, @`b c`, @a, @d := 1, @e.f");
  REQUIRE(one.user_variables.size() == 3);
  CHECK(one.user_variables[0] == "a");
  CHECK(one.user_variables[1] == "`b c`");
  CHECK(one.user_variables[2] == "e.f");
}

TEST_CASE("the word behind a hazard is told") {
  analysis found;
  CHECK(only(found, "INSERT INTO t VALUES (SLEEP(1))").hazard == "SLEEP");
  CHECK(only(found, "INSERT INTO t VALUES (db.f(1))").hazard == "db.f");
  CHECK(only(found, "INSERT INTO t VALUES (@@session.insert_id)").hazard == "@@session.insert_id");
  CHECK(only(found, "FROB x").hazard == "FROB");
}

TEST_CASE("an unknown server version makes a version comment doubtful") {
  dialect how;
  CHECK(describe("SELECT 1 /*!80000 , 2 */", how) == "UNKNOWN");
  CHECK(describe("SELECT 1 /*!40100 , 2 */", how) == "SELECT pure");
}

TEST_CASE("one analysis looks at many texts and forgets the earlier ones") {
  analysis found;
  found.analyze("INSERT INTO a (x, y) VALUES (@v, f(1)); SET @b = 1; SELECT 1 FROM c", mysql());
  CHECK(found.statements().size() == 3);
  CHECK(describe(only(found, "SELECT 1")) == "SELECT pure");
  CHECK(found.first().user_variables.empty());
  CHECK(found.first().insert.columns.empty());
  found.analyze("SELECT 1; SELECT 2; SELECT 3; SELECT 4", mysql());
  CHECK(found.statements().size() == 4);
  for (const auto& one : found.statements()) CHECK(describe(one) == "SELECT pure");
  CHECK(describe(only(found, "")) == "EMPTY");
}

TEST_CASE("every kind has a name of its own") {
  std::vector<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(kind::unknown); ++i) names.push_back(name_of(static_cast<kind>(i)));
  std::sort(names.begin(), names.end());
  CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
}
