#include "proxy/session/session_state.hpp"

#include "proxy/cache/key_writer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
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
                      {46, {"utf8mb4_bin", "utf8mb4", false}},
                      {63, {"binary", "binary", true}}};
  made->defaults.emplace();
  made->defaults->sql_mode = "STRICT_TRANS_TABLES";
  made->defaults->time_zone = "SYSTEM";
  made->defaults->collation_server = "latin1_swedish_ci";
  made->variables["sql_auto_is_null"] = {"OFF", "0", true, {}};
  made->variables["div_precision_increment"] = {"4", "4", true, {}};
  made->variables["default_regex_flags"] = {"", "", false, {}};
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

TEST_CASE("autocommit is never restored as a setting, also where its value had to be asked for") {
  auto state = fresh();
  CHECK(assign(state, "SET autocommit = @z") == std::vector<std::string>{"autocommit"});
  state.learn("autocommit", "0");
  CHECK_FALSE(state.autocommit());
  CHECK(state.restore_statements().empty());
  CHECK(state.restorable());
  assign(state, "SET autocommit = 1 - 1");
  assign(state, "SET autocommit = 1"); // before it was asked for
  CHECK(state.autocommit());
  CHECK(state.context_gap() == "");
  CHECK(state.restore_statements().empty());
  CHECK(state.restorable());
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

TEST_CASE("a literal that the server may take for another value is asked for") {
  for (const auto& [text, variable] :
       {std::pair("SET foreign_key_checks = 01", "foreign_key_checks"),
        std::pair("SET unique_checks = 00", "unique_checks"), std::pair("SET autocommit = 01", "autocommit"),
        std::pair("SET sql_mode = 16777216", "sql_mode"), std::pair("SET lc_time_names = 4", "lc_time_names"),
        std::pair("SET auto_increment_increment = 70000", "auto_increment_increment"),
        std::pair("SET SESSION tx_isolation = 1", "transaction_isolation"),
        std::pair("SET time_zone = '+14:00'", "time_zone"),
        std::pair("SET character_set_client = 8", "character_set_client")}) {
    CAPTURE(text);
    auto state = fresh();
    assign(state, "SET sql_mode = 'ANSI_QUOTES', foreign_key_checks = 0");
    CHECK(assign(state, text) == std::vector<std::string>{variable});
    CHECK(state.context_gap() != "");
    CHECK_FALSE(state.restorable());
  }
  auto state = fresh();
  CHECK(assign(state, "SET time_zone = 'Europe/Paris', foreign_key_checks = off, unique_checks = FALSE")
            .empty());
  assign(state, "SET foreign_key_checks = 01");
  state.learn("foreign_key_checks", "1");
  CHECK(state.context().foreign_key_checks);
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

TEST_CASE(
    "a setting that no unit carries keeps writes from being queued, unless it is as in a fresh session") {
  auto state = fresh();
  assign(state, "SET sql_auto_is_null = 0"); // Rails, on connect
  CHECK(state.setting_left_behind() == "");
  assign(state, "SET sql_auto_is_null = OFF");
  CHECK(state.setting_left_behind() == "");
  assign(state, "SET sql_auto_is_null = ON");
  CHECK(state.setting_left_behind() == "sql_auto_is_null was set");
  assign(state, "SET sql_auto_is_null = 0, check_constraint_checks = 1");
  CHECK(state.setting_left_behind() == "check_constraint_checks was set");
}

TEST_CASE("a setting is of the context, also when a fresh session has the same, until it is the default") {
  using settings = std::vector<spool::session_setting>;
  auto state = fresh();
  assign(state, "SET div_precision_increment = 4");
  CHECK(state.context().settings == settings{{"div_precision_increment", "4"}});
  assign(state, "SET div_precision_increment = 12, default_regex_flags = \"dotall\"");
  CHECK(state.context().settings ==
        settings{{"default_regex_flags", "DOTALL"}, {"div_precision_increment", "12"}});
  CHECK(state.setting_left_behind() == "");
  CHECK(assign(state, "SET div_precision_increment = DEFAULT") ==
        std::vector<std::string>{"div_precision_increment"});
  CHECK(state.context_gap() != "");
  state.learn("div_precision_increment", "4");
  CHECK(state.context_gap() == "");
  CHECK(state.setting_left_behind() == "");
  CHECK(state.context().settings == settings{{"default_regex_flags", "DOTALL"}});
  assign(state, "SET default_regex_flags = ''");
  CHECK(state.context().settings == settings{{"default_regex_flags", ""}});
}

TEST_CASE("a setting whose value is not carried as it is keeps writes from being queued") {
  auto state = fresh();
  assign(state, "SET div_precision_increment = 31");
  CHECK(state.context().settings.empty());
  CHECK(state.setting_left_behind() == "div_precision_increment was set");
  assign(state, "SET div_precision_increment = 30");
  CHECK(state.setting_left_behind() == "");
  assign(state, "SET block_encryption_mode = 'aes-256-cbc'"); // which this server does not have
  CHECK(state.setting_left_behind() == "block_encryption_mode was set");
}

TEST_CASE("a statement that was prepared in another setting means something else") {
  auto state = fresh();
  const auto before = state.preparing();
  assign(state, "SET div_precision_increment = 12");
  CHECK_FALSE(before == state.preparing());
  CHECK(*proxy::lead_over(before, state.preparing()) ==
        std::vector<std::string>{"SET div_precision_increment = 12"});
  CHECK(*proxy::lead_over(state.preparing(), before) ==
        std::vector<std::string>{"SET div_precision_increment = DEFAULT"});
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

TEST_CASE("a user variable takes bytes as a binary string, and truth as a number") {
  const auto kept = [](const char* literal) {
    auto state = fresh();
    assign(state, (std::string("SET @a = ") + literal).c_str());
    return state.user_variable("a") ? *state.user_variable("a") : "nothing";
  };
  CHECK(kept("x'41ff'") == "_binary 0x41ff");
  CHECK(kept("0x5") == "_binary 0x05");
  CHECK(kept("b'1000001'") == "_binary 0x41");
  CHECK(kept("x''") == "_binary ''");
  CHECK(kept("TRUE") == "1");
  CHECK(kept("-1.50") == "-1.50");
  for (const auto* other :
       {"x'4'", "b'2'", "1e3", ".5", "N'x'", "_latin1 'x'", "DATE '2024-01-01'", "DEFAULT", "- 5"})
    CHECK_MESSAGE(kept(other) == "nothing", other);
}

TEST_CASE("a user variable stands for a ? as a text of the session's own, or not at all") {
  auto state = fresh();
  CHECK(state.as_bound_now("42") == "42");
  CHECK(state.as_bound_now("NULL") == "NULL");
  CHECK(state.as_bound_now("'' COLLATE utf8mb4_general_ci") == std::nullopt);
  CHECK(state.as_bound_now("_utf8mb4 0x6127625c COLLATE utf8mb4_general_ci") == "'a''b\\\\'");
  CHECK(state.as_bound_now("_utf8mb4 '' COLLATE utf8mb4_general_ci") == "''");
  CHECK(state.as_bound_now("_utf8mb4 0x61 COLLATE utf8mb4_bin") == std::nullopt);
  CHECK(state.as_bound_now("_binary 0x61") == std::nullopt);
}

TEST_CASE("a user variable's name is restored with its quotes, and only in the character set that it was "
          "named in") {
  auto state = fresh();
  assign(state, "SET @`a``b` = 1");
  CHECK(state.restore_statements() == std::vector<std::string>{"SET @`a``b` = 1"});
  assign(state, "SET @`gr\xc3\xb6\xc3\x9f"
                "e` = 2");
  CHECK(state.restorable());
  assign(state, "SET NAMES utf8mb4");
  CHECK(state.restorable());
  assign(state, "SET NAMES gbk");
  CHECK_FALSE(state.restorable());
  auto other = fresh(28);
  assign(other, "SET @`a\x81\x40` = 1");
  CHECK_FALSE(other.restorable());
}

TEST_CASE("a user variable is named and read in the character set from before the SET that changes it, too") {
  auto state = fresh(8);
  assign(state, "SET NAMES utf8mb4, @a = '\xe4'");
  REQUIRE(state.user_variable("a"));
  CHECK(*state.user_variable("a") == "_latin1 0xe4 COLLATE latin1_swedish_ci");
  CHECK(state.restorable());
  auto other = fresh(28);
  assign(other, "SET NAMES utf8mb4, @\x81\x81 = 1");
  CHECK_FALSE(other.restorable());
}

TEST_CASE("a user variable that is set in an outage is known, and restored") {
  auto state = fresh();
  protocol::sql::analysis found;
  found.analyze("SET @x = 76, time_zone = '+01:00'", state.dialect());
  state.assign_here(found.first());
  REQUIRE(state.user_variable("x"));
  CHECK(*state.user_variable("x") == "76");
  const auto restored = state.restore_statements();
  CHECK(std::count(restored.begin(), restored.end(), "SET @`x` = 76") == 1);
}

TEST_CASE("a text is restored in a form that later modes and character sets read the same") {
  auto state = fresh();
  assign(state, "SET time_zone = \"+01:00\"");
  assign(state, "SET sql_mode = 'ANSI_QUOTES'");
  CHECK(state.restore_statements() ==
        std::vector<std::string>{"SET SESSION time_zone = _utf8mb4 0x2b30313a3030",
                                 "SET SESSION sql_mode = 'ANSI_QUOTES'"});
  CHECK(state.context().time_zone == "+01:00");
}

TEST_CASE("a variable that is named like a clause is not taken for it") {
  auto state = fresh();
  assign(state, "SET names = utf8mb4");
  CHECK(state.restore_statements() == std::vector<std::string>{"SET SESSION names = utf8mb4"});
}

TEST_CASE("what SET NAMES DEFAULT means is asked of the server") {
  auto state = fresh(46);
  CHECK(assign(state, "SET NAMES DEFAULT") ==
        std::vector<std::string>{"character_set_client", "character_set_results", "collation_connection"});
  CHECK(state.context_gap() != "");
  state.learn("character_set_client", "latin1");
  state.learn("character_set_results", "latin1");
  state.learn("collation_connection", "latin1_swedish_ci");
  CHECK(state.context_gap() == "");
  CHECK(state.context().collation_connection == "latin1_swedish_ci");
  CHECK(state.restore_statements().front() == "SET NAMES DEFAULT");
  CHECK(state.restorable());
}

TEST_CASE("a prepared statement that was not kept cannot be restored until it is closed") {
  auto state = fresh();
  proxy::prepared_statement one;
  one.client_id = one.server_id = 1;
  one.kept = false;
  state.statements.opened(one, state.preparing());
  CHECK_FALSE(state.restorable());
  state.statements.closed(1);
  CHECK(state.restorable());
  state.statements.closed(1);
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
  CHECK(local("SET @@tx_isolation = 'READ-COMMITTED'"));
  CHECK_FALSE(local("SET @@tx_isolation = 3"));
  CHECK_FALSE(local("SET @@tx_read_only = DEFAULT"));
  CHECK(local("SET SESSION sql_mode = 'ANSI', time_zone = '+00:00'"));
  CHECK(local("SET NAMES utf8mb4 COLLATE 'UTF8MB4_bin'"));
  CHECK_FALSE(local("SET NAMES klingon"));
  CHECK_FALSE(local("SET NAMES utf8mb4 COLLATE klingon_ci"));
  CHECK_FALSE(local("SET NAMES latin1 COLLATE utf8mb4_bin"));
  CHECK_FALSE(local("SET NAMES DEFAULT"));
  CHECK_FALSE(local("SET `time_zone = 1, x` = 2"));
  CHECK_FALSE(local("SET @@0 = 5"));
  CHECK_FALSE(local("SET sql_mode = DEFAULT"));
  CHECK_FALSE(local("SET GLOBAL x = 1"));
  CHECK(local("SET @a = 1"));
  CHECK_FALSE(local("SET @a = @b"));
  CHECK_FALSE(local("SET sql_mode = CONCAT('a', 'b')"));
  CHECK_FALSE(local("SET PASSWORD = 'x'"));
  CHECK_FALSE(local("SET insert_id = 5000"));
  CHECK_FALSE(local("SET rand_seed1 = 5, rand_seed2 = 7"));
  CHECK_FALSE(local("SET gtid_next = 'a:1'"));
}

TEST_CASE("SET TRANSACTION holds for the next transaction alone") {
  auto state = fresh();
  assign(state, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
  assign(state, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY");
  CHECK(state.next_transaction());
  CHECK(state.read_only());
  CHECK(state.next_transaction_statement() == "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY");
  CHECK(state.take_transaction_mode() == proxy::transaction_mode{"SERIALIZABLE", true, false});
  CHECK_FALSE(state.next_transaction());
  CHECK(state.take_transaction_mode() == proxy::transaction_mode{"READ-COMMITTED", false, false});
  assign(state, "SET SESSION TRANSACTION READ ONLY");
  CHECK(state.take_transaction_mode().read_only);
}

TEST_CASE("a transaction's variable that is set behind a bare @@ holds for the next one alone") {
  auto state = fresh();
  assign(state, "SET @@tx_read_only = ON, @@transaction_isolation = 'serializable'");
  CHECK(state.next_transaction_statement() == "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY");
  CHECK(state.restore_statements().empty());
  state.forget_next_transaction();
  CHECK_FALSE(state.read_only());
  assign(state, "SET @@tx_read_only = 1, SESSION tx_read_only = 0"); // the later one holds
  CHECK_FALSE(state.read_only());
  CHECK(state.restorable());
  for (const char* unknown : {"SET @@tx_isolation = @x", "SET @@tx_isolation = 3", "SET @@tx_read_only = 01",
                              "SET @@tx_isolation = DEFAULT"}) {
    CAPTURE(unknown);
    auto other = fresh();
    assign(other, unknown);
    CHECK_FALSE(other.restorable());
  }
}

TEST_CASE("SET autocommit = 1 commits only where it was 0") {
  auto state = fresh();
  protocol::sql::analysis found;
  const auto commits = [&](const char* text) {
    found.analyze(text, state.dialect());
    return state.turns_autocommit_on(found.first());
  };
  CHECK_FALSE(commits("SET autocommit = 1"));
  CHECK(commits("SET autocommit = 0, autocommit = 1"));
  CHECK_FALSE(commits("SET autocommit = 1, autocommit = 0"));
  assign(state, "SET autocommit = 0");
  CHECK(commits("SET @@session.AUTOCOMMIT = ON"));
  CHECK(commits("SET time_zone = '+01:00', autocommit = 1"));
  CHECK_FALSE(commits("SET autocommit = 0"));
  CHECK(commits("SET autocommit = 1, autocommit = 0"));
}

TEST_CASE("whenever a read may be answered otherwise, the version of what it depends on is another") {
  auto state = fresh();
  const auto context = [&] {
    std::string text;
    proxy::key_writer key(text);
    return state.append_reading_context(key) ? text : std::string("not known");
  };
  auto before = context();
  auto version = state.reading_version();
  int changes = 0;
  const auto look = [&](const std::string& what) {
    CAPTURE(what);
    const auto now = context();
    if (now != before) CHECK(state.reading_version() > version);
    changes += now != before;
    before = now;
    version = state.reading_version();
  };
  const auto assign_here = [&](const char* text) {
    protocol::sql::analysis found;
    found.analyze(text, state.dialect());
    state.assign_here(found.first());
  };
  const std::vector<const char*> settings{"SET sql_mode = 'ANSI_QUOTES'",
                                          "SET time_zone = '+01:00'",
                                          "SET NAMES latin1",
                                          "SET lc_time_names = 'de_DE'",
                                          "SET collation_connection = utf8mb4_bin",
                                          "SET group_concat_max_len = 5",
                                          "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
                                          "SET div_precision_increment = 6"};
  for (const char* text : settings) {
    assign(state, text);
    look(text);
  }
  state.learn("time_zone", "+02:00");
  look("learn");
  std::vector<std::string> to_ask;
  state.follow({protocol::session_change::kind::variable, "time_zone", "+03:00"}, false, to_ask);
  look("follow");
  state.call_unknown();
  look("call_unknown");
  state.begin({}, profile());
  look("begin");
  for (const char* text : settings) {
    assign_here(text);
    look(text);
  }
  state.changed_untold(to_ask);
  look("changed_untold");
  state.begin({}, profile());
  look("begin");
  state.make_unrestorable("why");
  look("make_unrestorable");
  CHECK(changes >= 20);
}

TEST_CASE("a failing text leaves the session as the statements before the failing one did") {
  using namespace protocol::server_status;
  auto state = fresh();
  state.failed_with(1146, 0);
  CHECK_FALSE(state.in_transaction());
  CHECK(state.autocommit());
  state.failed_with(1146, in_trans | autocommit | more_results_exists);
  CHECK(state.in_transaction());
  CHECK((state.status & more_results_exists) == 0);
  state.failed_with(1146, 0);
  CHECK(state.in_transaction());
  state.failed_with(1213, in_trans | autocommit | more_results_exists);
  CHECK(state.in_transaction());
  CHECK(state.doubt == holdwater::proxy::transaction_doubt::rolled_back);
  state.failed_with(1050, 0, false, true);
  CHECK(state.doubt == holdwater::proxy::transaction_doubt::committed);
  state.said_status(in_trans | autocommit);
  CHECK(state.doubt == holdwater::proxy::transaction_doubt::none);
  state.failed_with(1064, 0, false, true);
  CHECK(state.doubt == holdwater::proxy::transaction_doubt::none);
  state.failed_with(1290, 0, true, true);
  CHECK_FALSE(state.in_transaction());
  state.failed_with(1146, more_results_exists);
  CHECK_FALSE(state.autocommit());
}

TEST_CASE("a text in a user variable is restored as the server read it: the client's bytes, the connection's "
          "character set") {
  const auto restored = [](const std::vector<const char*>& settings, const char* last) {
    auto state = fresh();
    for (const auto* each : settings) assign(state, each);
    assign(state, last);
    return state.user_variable("a") ? *state.user_variable("a") : "nothing";
  };
  CHECK(restored({"SET NAMES latin1"}, "SET @a = ''") == "_latin1 '' COLLATE latin1_swedish_ci");
  CHECK(restored({"SET character_set_client = latin1"}, "SET @a = 'x'") ==
        "CONVERT(_latin1 0x78 USING utf8mb4) COLLATE utf8mb4_general_ci");
  CHECK(restored({"SET collation_connection = binary"}, "SET @a = 'x'") == "_binary 0x78");
  CHECK(restored({"SET character_set_client = binary"}, "SET @a = 'x'") == "nothing");
  CHECK(restored({}, "SET @a = 'caf\xe9'") ==
        "nothing"); // taken with a warning, but not behind an introducer
}

TEST_CASE("a variable that was set to its default is set to it again, unless the context needs its value") {
  auto state = fresh();
  CHECK(assign(state, "SET timestamp = DEFAULT") == std::vector<std::string>{"timestamp"});
  state.learn("timestamp", "1700000000.123456");
  CHECK(assign(state, "SET time_zone = DEFAULT") == std::vector<std::string>{"time_zone"});
  state.learn("time_zone", "SYSTEM");
  CHECK(state.restore_statements() ==
        std::vector<std::string>{"SET SESSION timestamp = DEFAULT",
                                 "SET SESSION time_zone = _utf8mb4 0x53595354454d"});
  CHECK_FALSE(state.system_variable("timestamp")->known);
}

TEST_CASE("a learned number is restored as one") {
  auto state = fresh();
  assign(state, "SET long_query_time = 1 + 0.5, max_join_size = 1 + 1");
  state.learn("long_query_time", "1.500000");
  state.learn("max_join_size", "18446744073709551615");
  CHECK(state.restore_statements() ==
        std::vector<std::string>{"SET SESSION long_query_time = 1.500000",
                                 "SET SESSION max_join_size = 18446744073709551615"});
}

TEST_CASE("what the next statement uses up is not set a second time") {
  for (const auto* text : {"SET insert_id = 50", "SET rand_seed1 = 5", "SET gtid_seq_no = 5",
                           "SET gtid_next = 'a:1'", "SET insert_id = DEFAULT"}) {
    INFO(text);
    auto state = fresh();
    for (const auto& asked : assign(state, text)) state.learn(asked, "0");
    CHECK_FALSE(state.restorable());
  }
  auto state = fresh();
  assign(state, "SET gtid_next = 'AUTOMATIC'");
  CHECK(state.restorable());
}

TEST_CASE("SET last_insert_id says what LAST_INSERT_ID() says") {
  auto state = fresh();
  assign(state, "SET last_insert_id = 9");
  CHECK(state.known_last_insert_id.value_or(0) == 9);
  CHECK(assign(state, "SET identity = 9 + 1") == std::vector<std::string>{"identity"});
  CHECK_FALSE(state.restorable());
  state.learn("identity", "10");
  CHECK(state.known_last_insert_id.value_or(0) == 10);
  CHECK(state.restorable());
  CHECK(state.restore_statements().empty());
}

TEST_CASE("SET NAMES leaves the server's and the filesystem's character set alone") {
  auto state = fresh();
  assign(state, "SET character_set_server = latin1, character_set_filesystem = latin1, "
                "character_set_results = latin1");
  assign(state, "SET NAMES utf8mb4");
  CHECK(state.restore_statements() ==
        std::vector<std::string>{"SET SESSION character_set_server = latin1",
                                 "SET SESSION character_set_filesystem = latin1", "SET NAMES utf8mb4"});
}

TEST_CASE("where a read finds the last insert's id by IS NULL, nobody but the server knows its answer") {
  auto state = fresh();
  const auto is_known = [&](const char* text) {
    assign(state, text);
    std::string key_text;
    proxy::key_writer key(key_text);
    return state.append_reading_context(key);
  };
  CHECK(is_known("SET sql_auto_is_null = 0"));
  CHECK_FALSE(is_known("SET sql_auto_is_null = 1"));
  CHECK(is_known("SET sql_auto_is_null = OFF"));
  CHECK_FALSE(is_known("SET SESSION sql_auto_is_null = ON"));
}

TEST_CASE("a session that may have logged in behind a change of the server's globals asks for its values") {
  proxy::default_changes changes;
  auto state = fresh();
  std::vector<std::string> to_ask;
  state.follow_defaults(changes, &to_ask);
  CHECK(to_ask.empty());
  changes.found_others(0, std::chrono::steady_clock::now());
  assign(state, "SET lc_time_names = 'de_DE'");
  state.follow_defaults(changes, &to_ask);
  CHECK(to_ask == std::vector<std::string>{"sql_mode", "time_zone", "auto_increment_increment",
                                           "auto_increment_offset", "foreign_key_checks", "unique_checks",
                                           "transaction_isolation"});
  CHECK(state.context_gap() == "sql_mode was set for all meanwhile");
  for (const auto& one : to_ask) state.learn(one, one == "time_zone" ? "+05:00" : "1");
  CHECK(state.context_gap() == "");
  CHECK(state.context().time_zone == "+05:00");
  to_ask.clear();
  changes.found_others(0, std::chrono::steady_clock::now());
  state.follow_defaults(changes, &to_ask);
  CHECK(to_ask.empty());
}

TEST_CASE("one that logged in before keeps the values of its login, over any connection") {
  proxy::default_changes changes;
  auto state = fresh();
  std::vector<std::string> to_ask;
  state.follow_defaults(changes, &to_ask);
  changes.found_same(0, std::chrono::steady_clock::now());
  changes.found_others(0, std::chrono::steady_clock::now());
  state.follow_defaults(changes, &to_ask);
  CHECK(to_ask.empty());
  CHECK(state.context_gap() == "");

  auto now = *profile();
  CHECK(state.keep_defaults(now, true) == "");
  now.defaults->time_zone = "+05:00";
  now.defaults->sql_mode = "ANSI_QUOTES";
  now.defaults->isolation = state.context().isolation;
  assign(state, "SET sql_mode = 'STRICT_TRANS_TABLES'"); // which is restored anyway
  CHECK(state.keep_defaults(now, true) == "SET SESSION time_zone = _utf8mb4 0x53595354454d");
  CHECK(state.keep_defaults(now, false).find("unique_checks = 1") != std::string::npos);
}
