#include "protocol/sql/plain_reads.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace holdwater::protocol::sql;

namespace {

// Heading and value of each item, as "heading=value", separated by bars; "-" when the text is not read.
std::string read(std::string_view text) {
  const auto items = read_plain_select(text, {});
  if (!items) return "-";
  std::string out;
  for (const auto& one : *items) out += (out.empty() ? "" : "|") + one.heading + "=" + one.value;
  return out;
}

std::string show(std::string_view text) {
  const auto read = read_plain_show(text, {});
  if (!read) return "-";
  auto out = std::to_string(static_cast<int>(read->what));
  if (read->like) out += " like " + *read->like;
  if (read->names)
    for (const auto& one : *read->names) out += " " + one;
  return out;
}

} // namespace

TEST_CASE("what drivers select without a table is read, with the headings that the server gives") {
  CHECK(read("SELECT 1") == "1=1");
  CHECK(read("select -1 as x, 'a b' y, 'it''s'") == "x=-1|y=a b|it's=it's");
  CHECK(read("SELECT @@session.autocommit, @@Max_Allowed_Packet AS `m`") ==
        "@@session.autocommit=autocommit|m=max_allowed_packet");
  CHECK(read("SELECT DATABASE(), version ( ), CONNECTION_ID() id") ==
        "DATABASE()=DATABASE|version ( )=VERSION|id=CONNECTION_ID");
  CHECK(read("SELECT @@version_comment LIMIT 1") == "@@version_comment=version_comment");
  CHECK(read("/* ping */ SELECT 1 FROM DUAL") == "1=1");
  CHECK(read("SELECT NULL, TRUE, FALSE, @x") == "NULL=|TRUE=1|FALSE=0|@x=x");
  CHECK(read("SELECT CAST('test plain returns' AS CHAR(60)) AS anon_1") == "anon_1=test plain returns");
  CHECK(read("SELECT CAST('x' AS CHAR CHARACTER SET utf8mb4) COLLATE utf8mb4_bin AS a") == "a=x");
}

TEST_CASE("anything else is an expression, or is not read at all") {
  CHECK(read("SELECT 1+1") == "1+1=1 + 1");
  CHECK(read("SELECT CONVERT_TZ('x', 'UTC','UTC') is not null") ==
        "CONVERT_TZ('x', 'UTC','UTC') is not null=CONVERT_TZ ( 'x' , 'UTC' , 'UTC' ) IS NOT NULL");
  CHECK(read("SELECT CAST('abc' AS CHAR(2))") != "CAST('abc' AS CHAR(2))=abc");
  CHECK(read("SELECT 'a' 'b'") == "'a' 'b'='a' 'b'"); // one string, and no alias
  CHECK(read("SELECT 'a' 'b' c") != "c=a");
  CHECK(read("SELECT ' a'") != " a= a"); // the servers name it otherwise
  CHECK(read("SELECT 'a\\0b'") == "'a\\0b'='a\\0b'");
  CHECK(read("SELECT @@global.x") == "@@global.x=@@global . X");
  for (const char* text :
       {"SELECT a FROM t", "SELECT 1 FROM DUAL WHERE 1", "SELECT 1 UNION SELECT 2", "SELECT",
        "SELECT 1 LIMIT 0", "SELECT 1, ", "SHOW TABLES", "SELECT 1 INTO @x", "SELECT 'a"}) {
    CAPTURE(text);
    const auto items = read_plain_select(text, {});
    bool plain = items.has_value();
    if (items)
      for (const auto& one : *items) plain = plain && one.what != plain_item::kind::expression;
    CHECK_FALSE(plain);
  }
}

TEST_CASE("a reserved word is no alias, whatever it is") {
  for (const char* word : {"not", "ALL", "Exists", "interval", "XOR", "when", "accessible", "zerofill"})
    for (const char* as : {" ", " AS "}) {
      const auto text = std::string("SELECT 1") + as + word;
      CAPTURE(text);
      CHECK(read(text) != std::string(word) + "=1");
    }
  CHECK(read("SELECT 1 `not`, 2 AS 'all', 3 result, 4 AS anon_1") == "not=1|all=2|result=3|anon_1=4");
}

TEST_CASE("SHOW VARIABLES and SHOW WARNINGS are read in their forms") {
  CHECK(show("SHOW VARIABLES") == "0");
  CHECK(show("show session variables like 'sql_m%'") == "0 like sql_m%");
  CHECK(show("SHOW VARIABLES WHERE Variable_name = 'A' OR `variable_name` IN ('b', 'c')") == "0 a b c");
  CHECK(show("SHOW WARNINGS") == "1");
  CHECK(show("SHOW ERRORS LIMIT 5") == "2");
  CHECK(show("SHOW COUNT(*) WARNINGS") == "3");
  for (const char* text :
       {"SHOW GLOBAL VARIABLES", "SHOW VARIABLES WHERE Value = '1'", "SHOW TABLES", "SHOW WARNINGS x",
        "SHOW VARIABLES LIKE 'a' OR 1", "SHOW COUNT(*) VARIABLES", "SHOW"})
    CHECK(show(text) == "-");
}

TEST_CASE("LIKE knows %, _ and the backslash") {
  CHECK(is_like("sql_mode", "sql_mode"));
  CHECK(is_like("sql_mode", "SQL\\_%"));
  CHECK(is_like("sqlxmode", "sql_mode"));
  CHECK_FALSE(is_like("sqlxmode", "sql\\_mode"));
  CHECK(is_like("abc", "%b%"));
  CHECK(is_like("abcbd", "%b_"));
  CHECK_FALSE(is_like("abc", "%b"));
  CHECK(is_like("", "%"));
  CHECK_FALSE(is_like("a", ""));
  CHECK_FALSE(is_like(std::string(60, 'a'), "%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%b")); // and ends soon
}
