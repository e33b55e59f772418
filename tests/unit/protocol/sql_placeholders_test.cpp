#include "protocol/sql/placeholders.hpp"

#include <doctest/doctest.h>

using namespace holdwater::protocol::sql;

TEST_CASE("only a ? outside of quotes and comments takes a value") {
  const dialect how;
  CHECK(count_placeholders("SELECT 1", how) == 0);
  CHECK(count_placeholders("INSERT INTO t VALUES (?, '?', \"?\", `?`, /* ? */ ?) -- ?", how) == 2);
  CHECK(count_placeholders("INSERT INTO t VALUES ('\\'?', ?);", how) == 1);
  dialect plain;
  plain.no_backslash_escapes = true;
  CHECK(count_placeholders("INSERT INTO t VALUES ('\\', ?)", plain) == 1);
}

TEST_CASE("the variables of an EXECUTE are read in their order, each as often as it is named") {
  const auto names = execute_arguments("EXECUTE s USING @a, @`b c`, @a", {});
  REQUIRE(names.has_value());
  CHECK(*names == std::vector<std::string_view>{"a", "`b c`", "a"});
  CHECK(execute_arguments("EXECUTE s", {})->empty());
  CHECK_FALSE(execute_arguments("EXECUTE s USING 1", {}).has_value());
  CHECK_FALSE(execute_arguments("EXECUTE s USING @a + 1", {}).has_value());
  CHECK_FALSE(execute_arguments("EXECUTE s USING", {}).has_value());
}

TEST_CASE("values take the places of placeholders, in their order, and nothing else changes") {
  const dialect how;
  CHECK(fill_placeholders("UPDATE t SET a=?,b='?' WHERE c=?", how, {"1", "'x?'"}) ==
        "UPDATE t SET a= 1 ,b='?' WHERE c= 'x?' ");
  CHECK(fill_placeholders("SELECT 1", how, {}) == "SELECT 1");
  CHECK(fill_placeholders("?;?", how, {"a", "b"}) == " a ; b ");
}
