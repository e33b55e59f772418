#include "proxy/session/describe.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace holdwater::proxy;
namespace sql = holdwater::protocol::sql;

namespace {

session_state state_in(const char* database, bool knows_charsets = false) {
  session_state state;
  holdwater::protocol::handshake_response login;
  login.database = database;
  login.collation = 45;
  const auto profile = std::make_shared<server_profile>();
  profile->version = {true, 101114};
  if (knows_charsets) profile->collations = {{45, {"utf8mb4_general_ci", "utf8mb4", true}}};
  state.begin(login, profile);
  return state;
}

std::string refusal(const char* text, const char* database = "d") {
  const auto state = state_in(database, true);
  sql::analysis found;
  const auto facts = describe_query(text, true, true, state, found);
  REQUIRE(facts.write);
  return why_not_spoolable(found.first(), state, state.database());
}

} // namespace

TEST_CASE("a plain write may run later") {
  for (const char* text :
       {"INSERT INTO t (a, b) VALUES (1, NOW(6))", "UPDATE t SET a = a + 1 WHERE b = 'x'",
        "DELETE FROM t WHERE a < 5", "REPLACE INTO d2.t VALUES (UUID())", "INSERT INTO t SELECT a FROM u",
        "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = 2"}) {
    CAPTURE(text);
    CHECK(refusal(text) == "");
  }
}

TEST_CASE("a write that would mean something else later may not") {
  for (const char* text :
       {"INSERT INTO t VALUES (SYSDATE())", "INSERT INTO t VALUES (LAST_INSERT_ID())",
        "UPDATE t SET a = CONNECTION_ID()", "INSERT INTO t VALUES (@x)", "INSERT INTO t VALUES (@@server_id)",
        "INSERT INTO t VALUES (my_function(1))", "INSERT INTO t VALUES (1) RETURNING a, b",
        "DELETE FROM t RETURNING a", "INSERT INTO t VALUES (SLEEP(1))",
        "INSERT INTO t VALUES (LOAD_FILE('/x'))", "INSERT INTO t VALUES (GET_LOCK('a', 1))",
        "UPDATE t SET a = (@b := a)", "INSERT INTO t VALUES (ROW_COUNT())", "UPDATE mysql.user SET a = 1"}) {
    CAPTURE(text);
    CHECK(refusal(text) != "");
  }
  CHECK(refusal("INSERT INTO t VALUES (1) RETURNING t.a") == ""); // if it is the id that is reserved
  CHECK(refusal("INSERT INTO t VALUES (1)", "") == "no database is selected");
  CHECK(refusal("INSERT INTO e.t VALUES (1)", "") == "");
  CHECK(refusal("INSERT INTO t\xc3\xa4 VALUES (1)") == "");
  CHECK(refusal("INSERT INTO t VALUES (1)", "d\xfe") == "a table that cannot be named");
  CHECK(refusal("INSERT INTO INTO.t VALUES (1)") == "");
}

TEST_CASE("a write of a table whose name holds what is no character is not understood") {
  const auto state = state_in("d", true);
  for (const char* text : {"INSERT INTO t\xfe\xfe VALUES (1)", "UPDATE mysql\xff.user SET a = 1"}) {
    CAPTURE(text);
    sql::analysis found;
    CHECK_FALSE(describe_query(text, true, true, state, found).write);
  }
}

TEST_CASE("what may be sent again when its answer was lost") {
  const auto state = state_in("d");
  sql::analysis found;
  const auto repeatable = [&](const char* text) {
    return describe_query(text, true, true, state, found).repeatable;
  };
  CHECK(repeatable("SELECT a FROM t"));
  CHECK(repeatable("SHOW TABLES"));
  CHECK(repeatable("SET NAMES utf8mb4") == state.can_assign_locally(found.first()));
  CHECK_FALSE(repeatable("SELECT GET_LOCK('a', 1)"));
  CHECK_FALSE(repeatable("SELECT f(a) FROM t"));
  CHECK_FALSE(repeatable("SELECT a FROM t FOR UPDATE"));
  CHECK_FALSE(repeatable("UPDATE t SET a = a + 1"));
  CHECK_FALSE(repeatable("SET @a = @a + 1"));
  CHECK_FALSE(repeatable("SELECT 1; SELECT 2"));
  CHECK(describe_command(holdwater::protocol::command::ping).repeatable);
  CHECK_FALSE(describe_command(holdwater::protocol::command::stmt_execute).repeatable);
}

TEST_CASE("a statement that is only partly seen is not described as what its beginning looks like") {
  const auto state = state_in("d");
  sql::analysis found;
  const auto write = describe_query("INSERT INTO t VALUES (1),(2", false, true, state, found);
  CHECK_FALSE(write.write);
  CHECK_FALSE(write.repeatable);
  CHECK_FALSE(write.untraceable);
  CHECK(describe_query("CREATE TEMPORARY TABLE x AS SELECT 'aaa", false, true, state, found).untraceable);
}

TEST_CASE("an UPDATE or DELETE that assigns a user variable or takes a lock leaves something to remember") {
  const auto state = state_in("d");
  sql::analysis found;
  for (const auto& [text, nothing] :
       {std::pair{"UPDATE t SET a = 1", true}, std::pair{"UPDATE t SET a = (@x := id)", false},
        std::pair{"DELETE FROM t WHERE (@x := id) > 1", false},
        std::pair{"DELETE FROM t WHERE id = @x", true},
        std::pair{"UPDATE t SET a = 1 WHERE GET_LOCK('l', 0)", false}}) {
    CAPTURE(text);
    CHECK(describe_query(text, true, true, state, found).changes_nothing == nothing);
  }
}

TEST_CASE("what a session cannot be restored after is named") {
  const auto state = state_in("d");
  sql::analysis found;
  const auto left = [&](const char* text) {
    found.analyze(text, state.dialect());
    return std::string(leaves_behind(found.first()));
  };
  CHECK(left("CREATE TEMPORARY TABLE x (a INT)") == "a temporary table");
  CHECK(left("SELECT GET_LOCK('a', 1)") == "a named lock");
  CHECK(left("SELECT @a := 1") == "a user variable");
  CHECK(left("LOCK TABLES t READ") == "locked tables");
  CHECK(left("PREPARE s FROM 'SELECT 1'") == "");
  CHECK(left("SELECT a FROM t") == "");
  CHECK(left("INSERT INTO t VALUES (1)") == "");
}

TEST_CASE("LAST_INSERT_ID() may run later when the id was given out here") {
  auto state = state_in("d");
  sql::analysis found;
  const auto why = [&](const char* text) {
    REQUIRE(describe_query(text, true, true, state, found).write);
    return why_not_spoolable(found.first(), state, state.database());
  };
  CHECK(why("INSERT INTO t VALUES (LAST_INSERT_ID())") != "");
  state.known_last_insert_id = 7;
  CHECK(why("INSERT INTO t VALUES (LAST_INSERT_ID())") == "");
  CHECK(why("UPDATE t SET a = last_insert_id ( )") == "");
  CHECK(why("UPDATE t SET a = LAST_INSERT_ID(a + 1)") != "");
  CHECK(why("UPDATE t SET a = LAST_INSERT_ID(), b = ROW_COUNT()") != "");
  CHECK(why("UPDATE t SET a = @@last_insert_id") != "");
}

TEST_CASE("LAST_INSERT_ID(x) changes what the session knows, in an explained statement too") {
  const auto state = state_in("d");
  sql::analysis found;
  const auto keeps = [&](const char* text) {
    return describe_query(text, true, true, state, found).keeps_last_id;
  };
  for (const char* text :
       {"SELECT 1", "SHOW WARNINGS", "SHOW SESSION STATUS LIKE 'a'", "SHOW TABLES", "DESC t",
        "EXPLAIN SELECT LAST_INSERT_ID()", "SELECT LAST_INSERT_ID()", "UPDATE t SET a = 1"}) {
    CAPTURE(text);
    CHECK(keeps(text));
  }
  for (const char* text : {"SELECT LAST_INSERT_ID(9)", "EXPLAIN SELECT 1 FROM t WHERE LAST_INSERT_ID(9)",
                           "DESC SELECT ROW_COUNT(), LAST_INSERT_ID(9)",
                           "SHOW STATUS WHERE LAST_INSERT_ID(9)", "INSERT INTO t VALUES (1)"}) {
    CAPTURE(text);
    CHECK_FALSE(keeps(text));
  }
}
