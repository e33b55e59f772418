// What the server tells of a session by itself, and what is made of it.
#include "proxy/session/session_state.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

using namespace holdwater;
using proxy::session_state;
using kind = protocol::session_change::kind;
using names = std::vector<std::string>;

namespace {

session_state fresh() {
  auto made = std::make_shared<proxy::server_profile>();
  made->hello.server_version = "9.7.0";
  made->version = {false, 90700};
  made->collations = {{8, {"latin1_swedish_ci", "latin1", true}},
                      {45, {"utf8mb4_general_ci", "utf8mb4", false}},
                      {255, {"utf8mb4_0900_ai_ci", "utf8mb4", true}}};
  made->defaults.emplace();
  made->defaults->sql_mode = "STRICT_TRANS_TABLES";
  made->defaults->time_zone = "SYSTEM";
  made->defaults->isolation = "REPEATABLE-READ";
  protocol::handshake_response login;
  login.collation = 255;
  login.database = "d";
  session_state state;
  state.begin(login, made);
  return state;
}

names assign(session_state& state, const char* text) {
  protocol::sql::analysis found;
  found.analyze(text, state.dialect());
  return state.assign(found.first());
}

names tell(session_state& state, std::string_view name, std::string_view value, bool by_set = false,
           names to_ask = {}) {
  state.follow({kind::variable, name, value}, by_set, to_ask);
  return to_ask;
}

} // namespace

TEST_CASE("the database is the one that the server names, and may be none") {
  auto state = fresh();
  names to_ask;
  state.follow({kind::schema, {}, "other"}, false, to_ask);
  CHECK(state.database() == "other");
  state.follow({kind::schema, {}, ""}, false, to_ask);
  CHECK(state.database().empty());
  CHECK(to_ask.empty());
}

TEST_CASE("a database's name that is told in UTF-8 is not written in another character set") {
  auto state = fresh();
  names to_ask;
  state.follow({kind::schema, {}, "caf\xc3\xa9"}, false, to_ask);
  CHECK(state.database() == "caf\xc3\xa9");
  assign(state, "SET NAMES utf8mb4");
  CHECK(state.restorable());
  assign(state, "SET NAMES latin1"); // its bytes mean another name now
  CHECK_FALSE(state.restorable());

  auto other = fresh();
  assign(other, "SET NAMES latin1");
  other.use_database("caf\xe9");
  other.follow({kind::schema, {}, "caf\xc3\xa9"}, false, to_ask);
  CHECK(other.database() == "caf\xe9");
  CHECK(other.restorable());
  other.use_database("d");
  other.follow({kind::schema, {}, "caf\xc3\xa9"}, false, to_ask);
  CHECK_FALSE(other.restorable());
}

TEST_CASE("a variable that something else than a SET has changed is followed and restored") {
  auto state = fresh();
  CHECK(tell(state, "time_zone", "+05:00").empty());
  CHECK(state.context().time_zone == "+05:00");
  CHECK(state.restore_statements() == names{"SET SESSION time_zone = _utf8mb4 0x2b30353a3030"});
  tell(state, "character_set_results", "");
  CHECK(state.context().character_set_results.empty());
  CHECK(state.restore_statements().back() == "SET SESSION character_set_results = NULL");
  tell(state, "character_set_client", "latin1");
  CHECK(state.context().character_set_client == "latin1");
  CHECK(state.restorable());
}

TEST_CASE("what is known already leaves the statement that said it") {
  auto state = fresh();
  assign(state, "SET time_zone = '+05:00'");
  assign(state, "SET NAMES latin1");
  const auto before = state.restore_statements();
  tell(state, "time_zone", "+05:00", true);
  tell(state, "character_set_client", "latin1", true);
  CHECK(tell(state, "character_set_connection", "latin1", true).empty());
  tell(state, "character_set_results", "latin1", true);
  CHECK(state.restore_statements() == before);
  CHECK(state.context_gap() == "");
}

TEST_CASE("a value that the server has told is not asked for") {
  auto state = fresh();
  const auto unknown = assign(state, "SET time_zone = @zone");
  CHECK(unknown == names{"time_zone"});
  CHECK_FALSE(state.restorable());
  CHECK(tell(state, "time_zone", "SYSTEM", true, unknown).empty());
  CHECK(state.restorable());
  CHECK(state.context_gap() == "");
}

TEST_CASE("of the connection's collation only the character set is told, so that it is asked for") {
  auto state = fresh();
  CHECK(tell(state, "character_set_connection", "latin1") == names{"collation_connection"});
  CHECK_FALSE(state.restorable());
  CHECK(state.context_gap() != "");
  state.learn("collation_connection", "latin1_swedish_ci");
  CHECK(state.restorable());
  CHECK(state.context().collation_connection == "latin1_swedish_ci");
  // the same character set again, of another collation maybe, since no SET of the client's has named it
  CHECK(tell(state, "character_set_connection", "latin1") == names{"collation_connection"});
}

TEST_CASE("SET CHARACTER SET is understood, with what the server tells of it") {
  auto state = fresh();
  auto to_ask = assign(state, "SET CHARACTER SET latin1");
  CHECK(to_ask.size() == 3);
  to_ask = tell(state, "character_set_client", "latin1", true, to_ask);
  to_ask = tell(state, "character_set_connection", "utf8mb4", true, to_ask);
  to_ask = tell(state, "character_set_results", "latin1", true, to_ask);
  CHECK(to_ask == names{"collation_connection"});
  state.learn("collation_connection", "utf8mb4_0900_ai_ci");
  CHECK(state.restorable());
  CHECK(state.unrestorable() == "");
  CHECK(state.context().character_set_client == "latin1");
  CHECK(state.context().collation_connection == "utf8mb4_0900_ai_ci");
}

TEST_CASE("what a client has the server tell besides is followed as far as a write carries it") {
  auto state = fresh();
  tell(state, "foreign_key_checks", "OFF");
  CHECK_FALSE(state.context().foreign_key_checks);
  CHECK(state.restore_statements() == names{"SET SESSION foreign_key_checks = 0"});
  const auto unknown = assign(state, "SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')");
  CHECK(tell(state, "sql_mode", "STRICT_TRANS_TABLES,ANSI_QUOTES", true, unknown).empty());
  CHECK(state.dialect().ansi_quotes);
  tell(state, "transaction_isolation", "READ-COMMITTED");
  CHECK(state.context().isolation == "READ-COMMITTED");
  tell(state, "sort_buffer_size", "65536");
  CHECK(state.restore_statements().size() == 3);
}

TEST_CASE("that there is news is remembered of no answer") {
  auto state = fresh();
  state.said_status(protocol::server_status::autocommit | protocol::server_status::session_state_changed |
                    protocol::server_status::db_dropped);
  CHECK(state.status == protocol::server_status::autocommit);
}
