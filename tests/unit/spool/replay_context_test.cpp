// What a unit leaves on its connection is not found by the units of other clients behind it.
#include "replay_fixture.hpp"

#include <algorithm>

namespace holdwater::spool {
namespace {

using namespace test;
using strings = std::vector<std::string>;

unit with_variables(const std::string& text, std::vector<user_variable> variables) {
  auto one = make_unit(text);
  one.statements[0].user_variables = std::move(variables);
  return one;
}

// Each SET of user variables that came, in order, and the writes.
strings variables_and_writes(const fake_server& server) {
  strings out;
  std::ranges::copy_if(server.texts(), std::back_inserter(out), [](const std::string& text) {
    return text.starts_with("SET @") || text.starts_with("INSERT ");
  });
  std::erase_if(out, [](const std::string& text) { return text.find("ledger") != std::string::npos; });
  return out;
}

TEST_CASE_FIXTURE(replay_fixture, "a unit finds its own user variables, and none that another has left") {
  REQUIRE(append(*queue, with_variables("INSERT 1", {{"who", "'bob'"}, {"a", "1"}})));
  REQUIRE(append(*queue, with_variables("INSERT 2", {{"who", "'alice'"}})));
  REQUIRE(append(*queue, with_variables("INSERT 3", {{"who", "'alice'"}})));
  REQUIRE(append(*queue, make_unit("INSERT 4")));
  REQUIRE(append(*queue, make_unit("INSERT 5")));
  CHECK(run(*make()).outcome == replay_outcome::drained);
  CHECK(variables_and_writes(server) == strings{"SET @`who` = 'bob', @`a` = 1", "INSERT 1",
                                                "SET @`a` = NULL, @`who` = 'alice'", "INSERT 2", "INSERT 3",
                                                "SET @`who` = NULL", "INSERT 4", "INSERT 5"});
}

TEST_CASE_FIXTURE(replay_fixture,
                  "behind a failure the user variables of before are not believed to be there") {
  REQUIRE(append(*queue, with_variables("INSERT 1", {{"who", "'bob'"}})));
  REQUIRE(append(*queue, make_unit("INSERT 2")));
  server.refused = {"INSERT 1"};
  CHECK(run(*make()).outcome == replay_outcome::drained);
  const auto all = variables_and_writes(server);
  CHECK(all.back() == "INSERT 2");
  CHECK(all.at(all.size() - 2) == "SET @`who` = NULL");
}

TEST_CASE_FIXTURE(
    replay_fixture,
    "a name that cannot be said in the next unit's character set is unset before that is taken") {
  REQUIRE(append(*queue, with_variables("INSERT 1", {{"gr\xc3\xb6\xc3\x9f"
                                                      "e",
                                                      "1"}})));
  auto latin = make_unit("INSERT 2");
  latin.statements[0].context.character_set_client = "latin1";
  REQUIRE(append(*queue, latin));
  CHECK(run(*make()).outcome == replay_outcome::drained);
  CHECK(variables_and_writes(server) == strings{"SET @`gr\xc3\xb6\xc3\x9f"
                                                "e` = 1",
                                                "INSERT 1",
                                                "SET @`gr\xc3\xb6\xc3\x9f"
                                                "e` = NULL",
                                                "INSERT 2"});
  const auto& texts = server.texts();
  const auto unset =
      std::ranges::find_if(texts, [](const std::string& text) { return text.ends_with(" = NULL"); });
  const auto latin1 = std::ranges::find_if(texts, [](const std::string& text) {
    return text.find("character_set_client = _utf8mb4 x'6c6174696e31'") != text.npos;
  });
  REQUIRE(latin1 != texts.end());
  CHECK(unset < latin1);
}

TEST_CASE_FIXTURE(replay_fixture,
                  "LAST_INSERT_ID() says 0 to a unit that says nothing of it, whatever was before") {
  auto first = make_unit("INSERT 1");
  first.statements[0].last_insert_id = 70;
  first.statements.push_back(make_statement("INSERT 2")); // the server itself knows it here
  REQUIRE(append(*queue, first));
  REQUIRE(append(*queue, make_unit("INSERT 3")));
  CHECK(run(*make()).outcome == replay_outcome::drained);
  const auto& texts = server.texts();
  const auto set_before = [&](const std::string& write) {
    auto last = std::find(texts.begin(), texts.end(), write);
    while (last->find("timestamp = ") == std::string::npos) --last;
    const auto& text = *last;
    const auto at = text.find("last_insert_id = ");
    return at == std::string::npos ? std::string() : text.substr(at);
  };
  CHECK(set_before("INSERT 1") == "last_insert_id = 70");
  CHECK(set_before("INSERT 2").empty());
  CHECK(set_before("INSERT 3") == "last_insert_id = 0");
}

TEST_CASE_FIXTURE(replay_fixture,
                  "what a write's triggers have set in the session is gone before the next unit") {
  server.change_session = {"INSERT 2", "INSERT 4"};
  for (const auto* text : {"INSERT 1", "INSERT 2", "INSERT 3", "INSERT 4", "INSERT 5"})
    REQUIRE(append(*queue, make_unit(text, server.change_session.contains(text) ? "triggered" : "t")));
  CHECK(run(*make()).outcome == replay_outcome::drained);
  CHECK(server.history() == strings{"INSERT 1", "INSERT 2", "INSERT 3", "INSERT 4", "INSERT 5"});
  CHECK(seen.applied_order == std::vector<seq>{1, 2, 3, 4, 5});
  CHECK(queue->counts().dead == 0);
}

TEST_CASE_FIXTURE(replay_fixture,
                  "within its transaction a client's next statement finds what triggers have set") {
  server.change_session = {"INSERT 1"};
  auto both = make_unit("INSERT 1");
  both.statements.push_back(make_statement("INSERT 2"));
  REQUIRE(append(*queue, both));
  CHECK(run(*make()).outcome == replay_outcome::drained);
  CHECK(server.history() == strings{"INSERT 1", "INSERT 2 behind INSERT 1"});
}

unit with_setting(const std::string& text, const std::string& precision) {
  auto one = make_unit(text);
  one.statements[0].context.settings = {{"div_precision_increment", precision}};
  return one;
}

// Each setting that was set, each write, and where another connection began: the first one is the owner's.
strings settings_and_writes(const fake_server& server) {
  strings out;
  for (const auto& text : server.texts()) {
    const std::string name = "div_precision_increment = ";
    if (text.starts_with("SELECT CONNECTION_ID()")) out.emplace_back("new");
    if (const auto at = text.find(name); at != text.npos)
      out.push_back(text.substr(at + name.size(), text.find(',', at) - at - name.size()));
    if (text.starts_with("INSERT ") && text.find("ledger") == text.npos) out.push_back(text);
  }
  return out;
}

TEST_CASE_FIXTURE(replay_fixture, "units of other settings run on another connection") {
  REQUIRE(append(*queue, with_setting("INSERT 1", "12")));
  REQUIRE(append(*queue, with_setting("INSERT 2", "12")));
  REQUIRE(append(*queue, make_unit("INSERT 3")));
  REQUIRE(append(*queue, make_unit("INSERT 4")));
  REQUIRE(append(*queue, with_setting("INSERT 5", "8")));
  CHECK(run(*make()).outcome == replay_outcome::drained);
  CHECK(settings_and_writes(server) == strings{"new", "new", "12", "INSERT 1", "INSERT 2", "new", "INSERT 3",
                                               "INSERT 4", "new", "8", "INSERT 5"});
  CHECK(server.history() == strings{"INSERT 1", "INSERT 2", "INSERT 3", "INSERT 4", "INSERT 5"});
}

TEST_CASE_FIXTURE(replay_fixture, "a transaction that changes a setting is the last on its connection") {
  auto both = with_setting("INSERT 1", "12");
  both.statements.push_back(make_statement("INSERT 2"));
  REQUIRE(append(*queue, both));
  REQUIRE(append(*queue, with_setting("INSERT 3", "12")));
  REQUIRE(append(*queue, make_unit("INSERT 4")));
  CHECK(run(*make()).outcome == replay_outcome::drained);
  CHECK(settings_and_writes(server) == strings{"new", "new", "12", "INSERT 1", "DEFAULT", "INSERT 2", "new",
                                               "12", "INSERT 3", "new", "INSERT 4"});
}

TEST_CASE_FIXTURE(replay_fixture, "behind a failure the settings of before are not believed to be there") {
  REQUIRE(append(*queue, with_setting("INSERT 1", "12")));
  REQUIRE(append(*queue, make_unit("INSERT 2")));
  server.refused = {"INSERT 1"};
  CHECK(run(*make()).outcome == replay_outcome::drained);
  const auto all = settings_and_writes(server);
  CHECK(all.back() == "INSERT 2");
  CHECK(all.at(all.size() - 2) == "new");
}

TEST_CASE_FIXTURE(replay_fixture, "a unit whose setting the server refuses is not applied without it") {
  REQUIRE(append(*queue, with_setting("INSERT 1", "12")));
  REQUIRE(append(*queue, make_unit("INSERT 2")));
  server.refused_setting = "div_precision_increment";
  CHECK(run(*make()).outcome == replay_outcome::drained);
  CHECK(server.history() == strings{"INSERT 2"});
  CHECK(queue->counts().dead == 1);
}

TEST_CASE_FIXTURE(replay_fixture,
                  "a server that cannot tell of changed sessions is written to all the same") {
  server.tells_changes = false;
  REQUIRE(append(*queue, make_unit("INSERT 1")));
  CHECK(run(*make()).outcome == replay_outcome::drained);
  CHECK(server.history() == strings{"INSERT 1"});
}

} // namespace
} // namespace holdwater::spool
