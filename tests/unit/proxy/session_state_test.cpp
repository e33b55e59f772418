#include "proxy/session/session_state.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

using namespace holdwater;
using proxy::session_state;

namespace {

std::shared_ptr<const proxy::server_profile> profile() {
  auto made = std::make_shared<proxy::server_profile>();
  made->hello.server_version = "5.5.5-10.11.14-MariaDB";
  made->version = {true, 101114};
  made->collations = {{8, {"latin1_swedish_ci", "latin1", true}},
                      {28, {"gbk_chinese_ci", "gbk", true}},
                      {45, {"utf8mb4_general_ci", "utf8mb4", true}},
                      {46, {"utf8mb4_bin", "utf8mb4", false}}};
  made->defaults.emplace();
  made->defaults->sql_mode = "STRICT_TRANS_TABLES";
  made->defaults->time_zone = "SYSTEM";
  made->defaults->collation_server = "latin1_swedish_ci";
  return made;
}

session_state fresh(std::uint16_t collation = 45) {
  protocol::handshake_response login;
  login.collation = collation;
  login.database = "d";
  session_state state;
  state.begin(login, profile());
  return state;
}

std::vector<std::string> assign(session_state& state, const char* text) {
  protocol::sql::analysis found;
  found.analyze(text, state.dialect());
  return state.assign(found.first());
}

} // namespace

TEST_CASE("a login's collation decides the character sets, and an unknown one means the server's") {
  const auto state = fresh(46);
  CHECK(state.context().character_set_client == "utf8mb4");
  CHECK(state.context().collation_connection == "utf8mb4_bin");
  CHECK(fresh(255).context().character_set_client == "latin1");
  CHECK(state.context_gap() == "");
  CHECK(state.autocommit());
}

TEST_CASE("SET NAMES sets three things, and is restored") {
  auto state = fresh();
  CHECK(assign(state, "SET NAMES latin1").empty());
  CHECK(state.context().character_set_client == "latin1");
  CHECK(state.context().character_set_results == "latin1");
  CHECK(state.context().collation_connection == "latin1_swedish_ci");
  assign(state, "set names 'utf8mb4' collate 'utf8mb4_bin'");
  CHECK(state.context().collation_connection == "utf8mb4_bin");
  CHECK(state.restore_statements() == std::vector<std::string>{"SET NAMES utf8mb4 COLLATE utf8mb4_bin"});
}

TEST_CASE("variables that a unit carries are followed") {
  auto state = fresh();
  assign(state, "SET time_zone = '+05:00', SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES', "
                "@@foreign_key_checks = 0");
  CHECK(state.context().time_zone == "+05:00");
  CHECK(state.context().sql_mode == "ANSI_QUOTES,NO_BACKSLASH_ESCAPES");
  CHECK_FALSE(state.context().foreign_key_checks);
  CHECK(state.dialect().ansi_quotes);
  CHECK(state.dialect().no_backslash_escapes);
  CHECK(state.restorable());
  CHECK(state.restore_statements().size() == 3);
}

TEST_CASE("an isolation level is restored as the variable's value") {
  auto state = fresh();
  assign(state, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
  CHECK(state.context().isolation == "READ-COMMITTED");
  CHECK(state.restore_statements() ==
        std::vector<std::string>{"SET SESSION tx_isolation = 'READ-COMMITTED'"});
}

TEST_CASE("autocommit is followed in every spelling") {
  for (const char* text :
       {"SET AUTOCOMMIT = 0", "set @@session.autocommit = OFF", "SET SESSION autocommit=0"}) {
    auto state = fresh();
    CAPTURE(text);
    assign(state, text);
    CHECK_FALSE(state.autocommit());
    assign(state, "SET autocommit = 1");
    CHECK(state.autocommit());
  }
}

TEST_CASE("a value that only the server knows leaves a gap until it is learned") {
  auto state = fresh();
  const auto unknown =
      assign(state, "SET SESSION sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES'), wait_timeout = 100");
  CHECK(unknown == std::vector<std::string>{"sql_mode"});
  CHECK(state.context_gap() != "");
  CHECK_FALSE(state.restorable());
  state.learn("sql_mode", "STRICT_TRANS_TABLES,ANSI_QUOTES");
  CHECK(state.context_gap() == "");
  CHECK(state.context().sql_mode == "STRICT_TRANS_TABLES,ANSI_QUOTES");
  CHECK(state.dialect().ansi_quotes);
  CHECK(state.restorable());
}

TEST_CASE("two unknown values are two gaps") {
  auto state = fresh();
  CHECK(assign(state, "SET sql_mode = CONCAT('a','b'), time_zone = @@global.time_zone").size() == 2);
  state.learn("time_zone", "SYSTEM");
  CHECK(state.context_gap() != "");
  state.learn("sql_mode", "ANSI");
  CHECK(state.context_gap() == "");
}

TEST_CASE("what a unit cannot carry keeps writes from being queued") {
  auto state = fresh();
  assign(state, "SET timestamp = 12345");
  CHECK(state.context_gap() != "");
  CHECK(state.restorable());
}

TEST_CASE("what cannot be restored is named, the first reason first") {
  auto state = fresh();
  assign(state, "SET @a = @b + 1");
  CHECK(state.unrestorable() == "a user variable");
  state.make_unrestorable("a lock");
  CHECK(state.unrestorable() == "a user variable");
  CHECK_FALSE(state.restorable());
}

TEST_CASE("a user variable with a plain value is known and restored") {
  auto state = fresh();
  assign(state, "SET @A = 42, @`odd name` = 'x', @n = NULL");
  CHECK(state.restorable());
  REQUIRE(state.user_variable("a"));
  CHECK(*state.user_variable("a") == "42");
  CHECK(*state.user_variable("n") == "NULL");
  CHECK(*state.user_variable("`odd name`") == "_utf8mb4 0x78 COLLATE utf8mb4_general_ci");
  CHECK(state.user_variable("b") == nullptr);
  CHECK(state.restore_statements().size() == 3);
  assign(state, "SET @a = @n");
  CHECK(state.user_variable("a") == nullptr);
  CHECK_FALSE(state.restorable());
}

TEST_CASE("an open prepared statement cannot be restored until it is closed") {
  auto state = fresh();
  state.opened_statement();
  CHECK_FALSE(state.restorable());
  state.closed_statement();
  CHECK(state.restorable());
  state.closed_statement();
  CHECK(state.restorable());
}

TEST_CASE("only plain literals can be set without the server") {
  const auto local = [](const char* text) {
    const auto state = fresh();
    protocol::sql::analysis found;
    found.analyze(text, state.dialect());
    return state.can_assign_locally(found.first());
  };
  CHECK(local("SET NAMES utf8mb4"));
  CHECK(local("SET autocommit = 1"));
  CHECK(local("SET SESSION sql_mode = 'ANSI', time_zone = '+00:00'"));
  CHECK_FALSE(local("SET NAMES klingon"));
  CHECK_FALSE(local("SET sql_mode = DEFAULT"));
  CHECK_FALSE(local("SET GLOBAL x = 1"));
  CHECK(local("SET @a = 1"));
  CHECK_FALSE(local("SET @a = @b"));
  CHECK_FALSE(local("SET sql_mode = CONCAT('a', 'b')"));
  CHECK_FALSE(local("SET PASSWORD = 'x'"));
}
