// What a statement looks like without its values, and that none of them is left.
#include "protocol/sql/shape.hpp"

#include <doctest/doctest.h>

using namespace holdwater::protocol::sql;

namespace {

std::string shape(std::string_view text, const std::string& sql_mode = "") {
  dialect how;
  apply_sql_mode(how, sql_mode);
  return shape_of(text, how);
}

} // namespace

TEST_CASE("a shape has the words of a statement and a ? for each literal") {
  CHECK(shape("INSERT INTO t (a, b) VALUES (1, 'x')") == "INSERT INTO t (a, b) VALUES (?, ...)");
  CHECK(shape("insert into `t`(a) values(-5)") == "insert into `t`(a) values(-?)");
  CHECK(shape("SELECT  a.b\n FROM t WHERE c=1.5e3 AND d IN (1,2 , 3)") ==
        "SELECT a.b FROM t WHERE c=? AND d IN (?, ...)");
  CHECK(shape("UPDATE t SET a = a + 1, b = NOW() WHERE id = 7") ==
        "UPDATE t SET a = a + ?, b = NOW() WHERE id = ?");
  CHECK(shape("SELECT f(1), x'41', N'a', 0xff, DATE'2024-01-01', @v, @@sql_mode, ?") ==
        "SELECT f(?), ?, ?, ?, DATE?, @v, @@sql_mode, ?");
  CHECK(shape("") == "");
  CHECK(shape("SELECT 'a' 'b'") == "SELECT ? ?");
}

TEST_CASE("no value and no comment is left in a shape") {
  const std::string_view secret = "s3cret";
  for (const char* text :
       {"SELECT 's3cret'", "SELECT \"s3cret\"", "/* s3cret */ SELECT 1", "SELECT 1 -- s3cret",
        "SELECT 1 # s3cret", "SELECT 'it''s s3cret'", "SELECT 'a\\' s3cret'",
        "INSERT INTO t VALUES (1, 's3cret', 's3cret'), ('s3cret', 2)", "SELECT 's3cret",
        "SELECT _utf8mb4's3cret'", "CREATE USER u IDENTIFIED BY 's3cret'", "SELECT 1 /*! + 's3cret' */",
        "SELECT /*+ SET_VAR(x = 's3cret') */ 1", "SELECT $a$ s3cret $a$"}) {
    CAPTURE(text);
    CHECK(shape(text).find(secret) == std::string::npos);
    CHECK(shape(text, "ANSI_QUOTES").find(secret) == std::string::npos);
  }
  CHECK(shape("SELECT 'a\\', 's3cret'", "NO_BACKSLASH_ESCAPES") == "SELECT ?, ?");
}

TEST_CASE("a long statement is cut, and what follows the first one is left out") {
  CHECK(shape("SELECT 1; SELECT 2") == "SELECT ? ...");
  const auto cut =
      shape_of("SELECT " + std::string(400, 'a') + ", " + std::string(400, 'b') + ", c", {}, 500);
  CHECK(cut.size() < 1000);
  CHECK(cut.ends_with(" ..."));
}

TEST_CASE("a server's words lose what they quote") {
  CHECK(without_quotes("Duplicate entry 's3'cret' for key 'PRIMARY'") == "Duplicate entry '...'");
  CHECK(without_quotes("Data too long for column 'a' at row 1") == "Data too long for column '...' at row 1");
  CHECK(without_quotes("near '") == "near '...'");
  CHECK(without_quotes("Server shutdown in progress") == "Server shutdown in progress");
}
