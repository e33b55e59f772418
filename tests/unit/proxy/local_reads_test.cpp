#include "proxy/session/local_reads.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>

using namespace holdwater;
using namespace holdwater::proxy;

namespace {

struct scene {
  std::shared_ptr<const server_profile> profile = make();
  session_state state;
  diagnostic said;
  std::optional<std::uint64_t> last_insert_id;

  explicit scene(protocol::capabilities asked = 0) {
    protocol::handshake_response login;
    login.collation = 45;
    login.client_capabilities = asked;
    login.database = "shop";
    state.begin(login, profile);
  }
  static std::shared_ptr<const server_profile> make() {
    auto made = std::make_shared<server_profile>();
    made->version = {true, 101114};
    made->collations = {{45, {"utf8mb4_general_ci", "utf8mb4", true}}};
    made->defaults.emplace();
    made->defaults->sql_mode = "STRICT_TRANS_TABLES";
    const protocol::column_definition integer{{}, 63, 21, 8, 0x80, 0, {}, {}, {}};
    made->variables = {{"autocommit", {"ON", "1", true, integer}},
                       {"max_allowed_packet", {"16777216", "16777216", true, integer}},
                       {"sql_mode", {"STRICT_TRANS_TABLES", "STRICT_TRANS_TABLES", false, {}}},
                       {"character_set_connection", {"utf8mb4", "utf8mb4", false, {}}},
                       {"wait_timeout", {"28800", "28800", true, integer}},
                       {"optimizer_switch", {"mrr=off,semijoin=on", "mrr=off,semijoin=on", false, {}}},
                       {"time_zone", {"SYSTEM", "SYSTEM", false, {}}},
                       {"lc_time_names", {"en_US", "en_US", false, {}}},
                       {"character_set_results", {"utf8mb4", "utf8mb4", false, {}}},
                       {"tx_read_only", {"OFF", "0", true, integer}},
                       {"sql_auto_is_null", {"OFF", "0", true, integer}},
                       {"version", {"10.11.14-MariaDB", "10.11.14-MariaDB", false, {}}}};
    made->expressions = {{"1 + 1", "2", true, integer}};
    return made;
  }
  void set(const char* text) {
    protocol::sql::analysis found;
    found.analyze(text, state.dialect());
    state.assign(found.first());
  }
  // Values, those of integer columns with a '#', separated by bars; "-" when there is no answer.
  std::string ask(const char* text) const {
    protocol::sql::analysis found;
    found.analyze(text, state.dialect());
    const auto set = find_answer(text, found.first(), {state, *profile, 7, last_insert_id, said});
    if (!set) return "-";
    std::string out;
    for (const auto& row : set->rows)
      for (std::size_t i = 0; i < row.size(); ++i)
        out += (out.empty() ? "" : "|") + std::string(set->columns[i].described.collation == 63 ? "#" : "") +
               row[i].value_or("NULL");
    return out;
  }
};

} // namespace

TEST_CASE("literals, functions of the session and system variables are answered") {
  scene one;
  CHECK(one.ask("SELECT 1") == "#1");
  CHECK(one.ask("SELECT VERSION(), DATABASE(), CONNECTION_ID()") == "10.11.14-MariaDB|shop|#7");
  CHECK(one.ask("SELECT @@autocommit, @@max_allowed_packet, @@sql_mode") ==
        "#1|#16777216|STRICT_TRANS_TABLES");
  CHECK(one.ask("SELECT @@character_set_connection") == "utf8mb4");
  CHECK(one.ask("SELECT 1 + 1") == "#2");
}

TEST_CASE("what the session has set counts, not what a fresh one has") {
  scene one;
  one.set("SET sql_mode = 'ANSI_QUOTES', sql_auto_is_null = ON, autocommit = 0");
  CHECK(one.ask("SELECT @@sql_mode, @@sql_auto_is_null, @@autocommit") == "ANSI_QUOTES|#1|#0");
  CHECK(one.ask("SHOW VARIABLES LIKE 'sql_auto_is_null'") == "sql_auto_is_null|ON");
  one.set("SET sql_auto_is_null = @@global.sql_auto_is_null");
  CHECK(one.ask("SELECT @@sql_auto_is_null") == "-");
}

TEST_CASE("what a server may keep otherwise than it was told has no answer") {
  scene one;
  one.set("SET wait_timeout = 99999999, optimizer_switch = 'mrr=on'");
  CHECK(one.ask("SELECT @@wait_timeout") == "-");
  CHECK(one.ask("SHOW VARIABLES LIKE 'wait_timeout'") == "-");
  CHECK(one.ask("SELECT @@optimizer_switch") == "-");
  one.set("SET wait_timeout = 1234, optimizer_switch = 'mrr=off,semijoin=on'"); // as in a fresh session
  CHECK(one.ask("SELECT @@wait_timeout") == "#1234");
  CHECK(scene(protocol::cap::interactive).ask("SELECT @@wait_timeout") == "-");
}

TEST_CASE("the values of the context are told in the server's spelling") {
  scene one;
  one.set("SET time_zone = '+5:00', lc_time_names = 'DE_de', character_set_results = 'UTF8MB4'");
  CHECK(one.ask("SELECT @@time_zone, @@lc_time_names, @@character_set_results") == "+05:00|de_DE|utf8mb4");
  one.set("SET time_zone = system, character_set_results = null, SESSION tx_read_only = 1");
  CHECK(one.ask("SELECT @@time_zone, @@character_set_results, @@tx_read_only") == "SYSTEM|NULL|#1");
  CHECK(scene(protocol::cap::ignore_space).ask("SELECT @@sql_mode") == "IGNORE_SPACE,STRICT_TRANS_TABLES");
}

TEST_CASE("what only the server knows has no answer") {
  scene one;
  for (const char* text :
       {"SELECT @@nonsense", "SELECT NOW()", "SELECT 1 FROM t", "SELECT @@global.sql_mode", "SELECT 2 + 2",
        "SELECT LAST_INSERT_ID()", "SELECT @x", "SHOW VARIABLES LIKE 'nonsense%'", "SHOW TABLES"})
    CHECK(one.ask(text) == "-");
}

TEST_CASE("the last insert id and user variables are told when they are known") {
  scene one;
  one.last_insert_id = 42;
  one.set("SET @a = 5, @b = 'x', @c = NULL");
  CHECK(one.ask("SELECT LAST_INSERT_ID(), @a, @b, @c") == "#42|#5|x|#NULL");
}

TEST_CASE("SHOW WARNINGS tells what the previous statement was told") {
  scene one;
  CHECK(one.ask("SHOW WARNINGS") == "");
  CHECK(one.ask("SHOW COUNT(*) WARNINGS") == "#0");
  one.said = {.number = 1105, .text = "queued"};
  CHECK(one.ask("SHOW WARNINGS") == "Note|#1105|queued");
  CHECK(one.ask("SHOW ERRORS") == "");
  one.said = {.error = true, .number = 3032, .text = "needs the server"};
  CHECK(one.ask("SHOW ERRORS") == "Error|#3032|needs the server");
  CHECK(one.ask("SHOW COUNT(*) ERRORS") == "#1");
}

TEST_CASE("of an answer that replay had, what is known is told") {
  scene one;
  one.said = {.apart = true, .rows = 3, .unseen = 2};
  CHECK(one.ask("SELECT ROW_COUNT()") == "#3");
  CHECK(one.ask("SHOW WARNINGS") == "-");
  CHECK(one.ask("SHOW COUNT(*) WARNINGS") == "#2");
  CHECK(one.ask("SHOW ERRORS") == "");
}
