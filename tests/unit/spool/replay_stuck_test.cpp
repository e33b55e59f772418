// Units that the server refuses to one account or for want of room, while it takes the owner's writes.
#include "replay_fixture.hpp"

#include <algorithm>

namespace holdwater::spool {
namespace {

using namespace test;
using strings = std::vector<std::string>;
using how_far = replayer::how_far;

void append_texts(spool& queue, const strings& texts, const std::string& account = "app",
                  const std::string& table = "t") {
  for (const auto& text : texts) REQUIRE(append(queue, make_unit(text, table, account)));
}

std::unique_ptr<replayer> attached(replay_fixture& f) {
  auto made = f.make();
  REQUIRE(made->attach().status == attach_status::ready);
  return made;
}

TEST_CASE_FIXTURE(
    replay_fixture,
    "an account that is not let in stops replay at its unit, and what is before it is applied") {
  append_texts(*queue, {"s1", "s2"});
  append_texts(*queue, {"s3"}, "other");
  append_texts(*queue, {"s4"});
  constexpr unsigned numbers[] = {1044, 1045, 1130, 1251, 1698, 1820, 1862, 2059, 2061, 3118, 3955, 4151};
  for (const auto number : numbers) {
    CAPTURE(number);
    server.shut_out = {{"other", number}};
    const auto report = attached(*this)->drain();
    CHECK(report.outcome == replay_outcome::stuck);
    CHECK(report.reason.find("unit 3 of 'other': Access denied") == 0);
    CHECK(server.history() == strings{"s1", "s2"});
    CHECK(queue->counts().pending == 2);
  }
  server.shut_out.clear();
  CHECK(run(*make()).outcome == replay_outcome::drained);
  CHECK(server.history() == strings{"s1", "s2", "s3", "s4"});
  CHECK(queue->counts().dead == 0);
}

TEST_CASE_FIXTURE(replay_fixture, "a try asks for one login, and needs no new ledger") {
  append_texts(*queue, {"s1"}, "other");
  server.shut_out = {{"other", 1045}};
  const auto with = attached(*this);
  CHECK(with->drain().outcome == replay_outcome::stuck);
  const auto before = server.logins_refused;
  CHECK(with->drain(how_far::one_step).outcome == replay_outcome::stuck);
  CHECK(server.logins_refused == before + 1);
  server.shut_out.clear();
  CHECK(with->drain(how_far::one_step).outcome == replay_outcome::went_on);
  CHECK(server.history() == strings{"s1"});
}

TEST_CASE_FIXTURE(replay_fixture, "a step ends when something was settled") {
  append_texts(*queue, {"s1"}, "other");
  append_texts(*queue, {"s2", "s3"});
  const auto with = attached(*this);
  CHECK(with->drain(how_far::one_step).outcome == replay_outcome::went_on);
  CHECK(server.history() == strings{"s1"});
  CHECK(with->drain(how_far::one_step).outcome == replay_outcome::went_on);
  CHECK(server.history() == strings{"s1", "s2", "s3"});
  CHECK(with->drain(how_far::one_step).outcome == replay_outcome::drained);
}

TEST_CASE_FIXTURE(replay_fixture,
                  "the owner's own login, and what is said of the server as a whole, is an outage") {
  append_texts(*queue, {"s1"}, "other");
  SUBCASE("the owner is shut out") {
    server.shut_out = {{"app", 1045}};
    const auto with = make();
    const auto report = with->attach();
    CHECK(report.status == attach_status::unreachable);
    CHECK(report.server_answers);
  }
  SUBCASE("too many connections, not ready, shutting down, read-only") {
    const auto with = attached(*this);
    for (const unsigned number : {1040U, 1047U, 1053U, 1129U, 1203U, 1226U, 3032U, 2003U}) {
      server.shut_out = {{"other", number}};
      static_cast<void>(with->attach());
      CAPTURE(number);
      CHECK(with->drain().outcome == replay_outcome::unreachable);
    }
  }
  CHECK(queue->counts().pending == 1);
  CHECK(server.history().empty());
}

TEST_CASE_FIXTURE(replay_fixture,
                  "a full table, or no prepared statements at all, stop replay at their unit") {
  SUBCASE("the table is full") {
    server.no_room_error = 1114;
  }
  SUBCASE("max_prepared_stmt_count") {
    server.no_room_error = 1461;
    server.no_room_text = "Can't create more than max_prepared_stmt_count statements (current value: 0)";
  }
  append_texts(*queue, {"INSERT 1", "INSERT 2", "INSERT 3", "INSERT 4"});
  server.no_room_for = {"INSERT 3"};
  const auto with = attached(*this);
  for (int tries = 0; tries < 3; ++tries) {
    const auto report = with->drain(how_far::one_step);
    CHECK((tries == 0 ? report.outcome == replay_outcome::went_on : report.outcome == replay_outcome::stuck));
    if (tries > 0)
      CHECK(report.reason ==
            "unit 3 of 'app': " + server.no_room_text + " (" + std::to_string(server.no_room_error) + ")");
    CHECK(server.history() == strings{"INSERT 1", "INSERT 2"});
  }
  server.no_room_for.clear();
  CHECK(with->drain(how_far::one_step).outcome == replay_outcome::went_on);
  CHECK(with->drain().outcome == replay_outcome::drained);
  CHECK(server.history() == strings{"INSERT 1", "INSERT 2", "INSERT 3", "INSERT 4"});
  CHECK(queue->counts().dead == 0);
}

TEST_CASE_FIXTURE(replay_fixture,
                  "an error whose number a trigger chose sets its unit aside, and stops no other") {
  for (const unsigned number : {1205U, 1213U, 1114U, 1053U, 1927U, 1317U}) {
    CAPTURE(number);
    append_texts(*queue, {"good", "bad", "good"});
    server.no_room_error = number;
    server.no_room_text = "no room for SECRET";
    server.no_room_for = {"bad"};
    server.chooses_numbers = true;
    const auto dead = queue->counts().dead;
    CHECK(run(*make()).outcome == replay_outcome::drained);
    CHECK(queue->counts().dead == dead + 1);
    CHECK(queue->counts().pending == 0);
  }
}

TEST_CASE_FIXTURE(replay_fixture, "strange words are not told where no trigger is seen to choose a number") {
  append_texts(*queue, {"bad"});
  server.no_room_text = "no room for SECRET";
  server.no_room_for = {"bad"};
  const auto report = attached(*this)->drain();
  CHECK(report.outcome == replay_outcome::stuck);
  CHECK(report.reason == "unit 1 of 'app': an error in words that are not the server's (1114)");
  server.no_room_error = 1053;
  CHECK(attached(*this)->drain().reason.find("SECRET") == std::string::npos);
}

TEST_CASE("a disk or a memory that is full is no fault of the statement's, another failure to write is") {
  const auto with = [](unsigned number, const std::string& text) {
    return classify({number, "HY000", text});
  };
  const auto no_room = error_class::withheld;
  CHECK(with(3, "Error writing file '/tmp/#sql/fd=55' (Errcode: 28 \"No space left on device\")") == no_room);
  CHECK(with(3, "Error writing file '/tmp/MYfd=27' (OS errno 28 - No space left on device)") == no_room);
  CHECK(with(3, "Error writing file '/tmp/MYfd=27' (OS errno 122 - Disk quota exceeded)") == no_room);
  CHECK(with(1026, "Error writing file '/tmp/ML8' (errno: 28 \"No space left on device\")") == no_room);
  CHECK(with(1026, "Error writing file '/tmp/ML8' (errno: 28 - No space left on device)") == no_room);
  CHECK(with(1030, "Got error 28 \"No space left on device\" from storage engine Aria") == no_room);
  CHECK(with(1030, "Got error 28 - 'No space left on device' from storage engine") == no_room);
  for (const unsigned number : {5U, 20U, 1021U, 1037U, 1041U, 1114U})
    CHECK(with(number, "whatever its words are") == no_room);

  const auto refused = error_class::refused;
  CHECK(with(1038, "Out of sort memory, consider increasing server sort buffer size") == refused);
  CHECK(with(3, "Error writing file '/tmp/MYfd=28' (OS errno 5 - Input/output error)") == refused);
  CHECK(with(3, "Error writing file '/tmp/28' (Errcode: 9 \"Bad file descriptor\")") == refused);
  CHECK(with(1026, "Error writing file '/tmp/ML8' (errno: 128 \"Key has been revoked\")") == refused);
  CHECK(with(1030, "Got error 122 \"Internal (unspecified) error in handler\" from storage engine InnoDB") ==
        refused);
  CHECK(with(1030, "Got error 281 - 'Unknown' from storage engine") == refused);
  CHECK(with(1062, "Duplicate entry 28 for key") == refused);
}

TEST_CASE_FIXTURE(replay_fixture, "a server that has no room for the ledger either takes no writes at all") {
  append_texts(*queue, {"INSERT 1"});
  const auto with = attached(*this);
  server.no_room_for = {"INSERT 1"};
  server.ledger_is_full = true;
  const auto report = with->drain();
  CHECK(report.outcome == replay_outcome::unreachable);
  CHECK(report.server_answers);
  server.ledger_is_full = false;
  server.no_room_for.clear();
  CHECK(run(*with).outcome == replay_outcome::drained);
  CHECK(server.history() == strings{"INSERT 1"});
}

TEST_CASE_FIXTURE(replay_fixture,
                  "a read-only server is waited for also with a write to a table that does not roll back") {
  server.non_transactional = {"m"};
  append_texts(*queue, {"INSERT INTO m VALUES (1)"}, "app", "m");
  const auto with = attached(*this);
  server.no_writes_for = {"INSERT INTO m VALUES (1)"};
  CHECK(with->drain().outcome == replay_outcome::unreachable);
  SUBCASE("also by a process that comes after this one") {
    queue.reset();
    queue = open_or_fail(options_in(folder));
  }
  server.no_writes_for.clear();
  CHECK(run(*make()).outcome == replay_outcome::drained);
  CHECK(server.history() == strings{"INSERT INTO m VALUES (1)"});
  CHECK(queue->counts().dead == 0);
}

TEST_CASE_FIXTURE(replay_fixture, "what may have filled such a table in part is not sent again") {
  server.non_transactional = {"m"};
  const strings several{"INSERT INTO m VALUES (1), (2)", "INSERT INTO m VALUES (1)", "UPDATE m SET a = 1"};
  append_texts(*queue, several, "app", "m");
  append_texts(*queue, {"s"});
  server.no_room_for = {several.begin(), several.end()};
  CHECK(run(*make()).outcome == replay_outcome::drained);
  CHECK(queue->counts().dead == several.size());
  CHECK(server.history() == strings{"s"});
}

TEST_CASE_FIXTURE(replay_fixture, "accounts that cannot use the ledger are found, and found to be able to") {
  server.accounts_off_ledger = {"other"};
  const auto with = make();
  const auto found = with->attach().without_ledger;
  REQUIRE(found.size() == 1);
  CHECK(found[0].first == "other");
  CHECK(with->look_again(found) == found);
  server.shut_out = {{"other", 1040}};
  CHECK(with->look_again(found) == found);
  server.shut_out = {{"other", 1045}};
  CHECK(with->look_again(found)[0].second.find("Access denied") != std::string::npos);
  server.shut_out.clear();
  server.accounts_off_ledger.clear();
  CHECK(with->look_again(found).empty());
}

TEST_CASE_FIXTURE(replay_fixture, "a unit that a lagging server lacks may be refused as well") {
  append_texts(*queue, {"s1"});
  append_texts(*queue, {"s2"}, "other");
  const auto with = make();
  REQUIRE(run(*with).outcome == replay_outcome::drained);
  server.rewind(1, 1);
  server.shut_out = {{"other", 1045}};
  const auto report = with->attach();
  CHECK(report.status == attach_status::stuck);
  CHECK(report.reason.find("unit 2 of 'other'") == 0);
  server.shut_out.clear();
  CHECK(with->attach().again == 1);
  CHECK(server.history() == strings{"s1", "s2"});
}

} // namespace
} // namespace holdwater::spool
