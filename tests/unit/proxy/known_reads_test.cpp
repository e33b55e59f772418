#include "proxy/session/known_reads.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace holdwater;
using namespace holdwater::proxy;

namespace {

struct reader {
  session_state state;
  protocol::sql::analysis found;
  known_reads known;
  protocol::sql::dialect how;

  command_facts describe(std::string_view text) { return describe_query(text, true, true, state, found); }
  bool knows(std::string_view text) { return known.find(text, how) != nullptr; }
  // Whether it was known; it is remembered then.
  bool meets(std::string_view text) {
    if (knows(text)) return true;
    known.remember(describe(text), how);
    return false;
  }
};

} // namespace

TEST_CASE("a read that differs in its numbers only is known") {
  reader one;
  CHECK_FALSE(one.meets("SELECT c FROM sbtest1 WHERE id=5"));
  CHECK(one.knows("SELECT c FROM sbtest1 WHERE id=5"));
  CHECK(one.knows("SELECT c FROM sbtest1 WHERE id=12345678901234567890123"));
  CHECK_FALSE(one.knows("SELECT c FROM sbtest2 WHERE id=5"));
  CHECK_FALSE(one.knows("SELECT c FROM sbtest1 WHERE id=5.5"));
  CHECK_FALSE(one.knows("SELECT c FROM sbtest1 WHERE id=5e5"));
  CHECK_FALSE(one.knows("SELECT c FROM sbtest1 WHERE id=0x5"));
  CHECK_FALSE(one.knows("SELECT c FROM sbtest1 WHERE id=5 FOR UPDATE"));
  CHECK_FALSE(one.knows("SELECT c FROM sbtest1 WHERE id=5; DELETE FROM sbtest1"));
  CHECK_FALSE(one.meets("SELECT 'a5'"));
  CHECK_FALSE(one.knows("SELECT 'a6'"));
}

TEST_CASE("a statement of another dialect is not known") {
  reader one;
  CHECK_FALSE(one.meets("SELECT \"a\" FROM t"));
  one.how.ansi_quotes = true;
  CHECK_FALSE(one.knows("SELECT \"a\" FROM t"));
}

TEST_CASE("what is no pure read, and what has a comment, is never known") {
  for (const std::string text :
       {"UPDATE t SET a=1", "INSERT INTO t VALUES (1)", "SET @a=1", "SELECT LAST_INSERT_ID(5)",
        "SELECT ROW_COUNT()", "SELECT GET_LOCK('a', 1)", "SELECT 1 INTO @a", "SELECT a FROM t FOR UPDATE",
        "SELECT 1; SELECT 2", "SELECT /*!50000 1 */", "SELECT 1 -- 5", "SELECT 1 # 5", "KILL 5",
        "SHOW TABLES", ""}) {
    reader one;
    CAPTURE(text);
    CHECK_FALSE(one.meets(text));
    CHECK_FALSE(one.knows(text));
  }
}

TEST_CASE("a statement that is too long is not known") {
  reader one;
  const auto text = "SELECT '" + std::string(300, 'a') + "'";
  CHECK_FALSE(one.meets(text));
  CHECK_FALSE(one.knows(text));
}
