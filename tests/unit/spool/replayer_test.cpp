#include "replay_fixture.hpp"

#include <algorithm>

namespace holdwater::spool {
namespace {

using namespace test;
using strings = std::vector<std::string>;

constexpr std::size_t many = 1000;

void append_numbered(spool& queue, int from, int to, const std::string& prefix = "s") {
  for (int i = from; i <= to; ++i) REQUIRE(append(queue, make_unit(prefix + std::to_string(i))));
}

TEST_CASE_FIXTURE(replay_fixture, "units are applied in order, and each is told of once with its answers") {
  append_numbered(*queue, 1, 10);
  auto two = make_unit("s11a");
  two.statements.push_back(make_statement("s11b"));
  REQUIRE(append(*queue, two));
  CHECK(run(*make()).outcome == replay_outcome::drained);
  CHECK(server.history() ==
        strings{"s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11a", "s11b"});
  CHECK(server.ledger->applied == 11);
  CHECK(queue->counts().applied == 11);
  CHECK(seen.applied_order == std::vector<seq>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  CHECK(seen.answer_counts[11] == 2);
}

TEST_CASE_FIXTURE(replay_fixture, "only the culprit of a batch becomes a dead letter") {
  append_numbered(*queue, 1, 6);
  server.refused = {"s3"};
  CHECK(run(*make()).outcome == replay_outcome::drained);
  CHECK(server.history() == strings{"s1", "s2", "s4", "s5", "s6"});
  const auto dead = all_dead(*queue);
  REQUIRE(dead->size() == 1);
  CHECK(dead->at(0).what.number == 3);
  CHECK(dead->at(0).number == 1062);
  CHECK(seen.refused_times == std::map<seq, int>{{3, 1}});
}

TEST_CASE_FIXTURE(replay_fixture, "what stood before a culprit is applied in one transaction, without it") {
  append_numbered(*queue, 1, 4, "INSERT ");
  server.refused = {"INSERT 4"};
  CHECK(run(*make()).outcome == replay_outcome::drained);
  CHECK(server.history() == strings{"INSERT 1", "INSERT 2", "INSERT 3"});
  // of attach, of the three, of the step past the culprit
  CHECK(server.commits() == 3);
}

TEST_CASE_FIXTURE(replay_fixture, "an insert id is not left to a write behind it on the same way") {
  auto first = make_unit("INSERT 1");
  first.statements[0].insert_id = 70;
  REQUIRE(append(*queue, first));
  REQUIRE(append(*queue, make_unit("INSERT 2")));
  CHECK(run(*make()).outcome == replay_outcome::drained);
  const auto& texts = server.texts();
  const auto cleared = std::find(texts.begin(), texts.end(), "SET insert_id = 0");
  CHECK(cleared > std::find(texts.begin(), texts.end(), "INSERT 1"));
  CHECK(cleared < std::find(texts.begin(), texts.end(), "INSERT 2"));
}

TEST_CASE_FIXTURE(replay_fixture,
                  "a row that would get another id than its client was told becomes a dead letter") {
  for (const auto* text : {"INSERT 1", "INSERT 2", "INSERT IGNORE 3", "INSERT 4"}) {
    auto one = make_unit(text);
    one.statements[0].insert_id = 70;
    REQUIRE(append(*queue, one));
  }
  server.other_id = {"INSERT 2", "INSERT IGNORE 3"};
  CHECK(run(*make()).outcome == replay_outcome::drained);
  CHECK(server.history() == strings{"INSERT 1", "INSERT IGNORE 3", "INSERT 4"});
  const auto dead = all_dead(*queue);
  REQUIRE(dead->size() == 1);
  CHECK(dead->at(0).reason.starts_with("its row got the id 1070 instead of 70"));
}

TEST_CASE_FIXTURE(replay_fixture, "a transaction whose last statement is refused is dead as a whole") {
  append_numbered(*queue, 1, 2);
  auto three = make_unit("s3a");
  three.statements.push_back(make_statement("s3b"));
  three.statements.push_back(make_statement("s3c"));
  REQUIRE(append(*queue, three));
  append_numbered(*queue, 4, 5);
  server.refused = {"s3c"};
  CHECK(run(*make()).outcome == replay_outcome::drained);
  CHECK(server.history() == strings{"s1", "s2", "s4", "s5"});
  const auto dead = all_dead(*queue);
  REQUIRE(dead->size() == 1);
  CHECK(dead->at(0).what.statements.size() == 3);
  CHECK(server.ledger->applied == 5);
}

TEST_CASE_FIXTURE(replay_fixture, "a refused unit whose client still waits is no dead letter") {
  append_numbered(*queue, 1, 3);
  server.refused = {"s3"};
  seen.waiting = {3};
  CHECK(run(*make()).outcome == replay_outcome::drained);
  CHECK(all_dead(*queue)->empty());
  CHECK(server.ledger->applied == 3);
}

TEST_CASE_FIXTURE(replay_fixture, "a retried dead letter is applied once, as a new unit") {
  append_numbered(*queue, 1, 2);
  server.refused = {"s1"};
  auto with = make();
  CHECK(run(*with).outcome == replay_outcome::drained);
  server.refused.clear();
  CHECK(*queue->retry_dead(1) == 3);
  CHECK(with->drain().outcome == replay_outcome::drained);
  CHECK(server.history() == strings{"s2", "s1"});
}

TEST_CASE_FIXTURE(replay_fixture, "a unit of an account that is not configured becomes a dead letter") {
  REQUIRE(append(*queue, make_unit("a", "t", "stranger")));
  REQUIRE(append(*queue, make_unit("b")));
  CHECK(run(*make()).outcome == replay_outcome::drained);
  CHECK(server.history() == strings{"b"});
  CHECK(all_dead(*queue)->at(0).reason.find("stranger") != std::string::npos);
}

TEST_CASE_FIXTURE(replay_fixture, "units of several accounts keep their order") {
  for (int i = 0; i < 6; ++i)
    REQUIRE(append(*queue, make_unit("s" + std::to_string(i), "t", i % 3 == 0 ? "other" : "app")));
  CHECK(run(*make()).outcome == replay_outcome::drained);
  CHECK(server.history() == strings{"s0", "s1", "s2", "s3", "s4", "s5"});
}

TEST_CASE_FIXTURE(replay_fixture, "a unit is written over connections of its own account alone") {
  server.refused = {"s2"};
  for (int i = 0; i < 6; ++i)
    REQUIRE(append(*queue, make_unit("s" + std::to_string(i), "t", i % 3 == 0 ? "other" : "app")));
  CHECK(run(*make()).outcome == replay_outcome::drained);
  REQUIRE(server.authors().size() == 6);
  for (int i = 0; i < 6; ++i)
    CHECK(server.authors().at("s" + std::to_string(i)) ==
          std::set<std::string>{i % 3 == 0 ? "other" : "app"});
}

TEST_CASE_FIXTURE(replay_fixture, "an account without rights on the ledger stops replay and loses nothing") {
  REQUIRE(append(*queue, make_unit("a", "t", "other")));
  server.accounts_off_ledger = {"other"};
  const auto report = run(*make());
  CHECK(report.outcome == replay_outcome::stuck);
  CHECK(report.reason.find("the account 'other' cannot use the ledger") != std::string::npos);
  CHECK(queue->counts().pending == 1);
  server.accounts_off_ledger.clear();
  CHECK(run(*make()).outcome == replay_outcome::drained);
  CHECK(server.history() == strings{"a"});
}

TEST_CASE_FIXTURE(replay_fixture, "a ledger that may not be made is said so") {
  server.may_create = false;
  CHECK(make()->attach().status == attach_status::no_ledger);
  server.table_exists = true; // made by somebody for us
  CHECK(make()->attach().status == attach_status::ready);
}

TEST_CASE_FIXTURE(replay_fixture, "a ledger that does not roll back is refused") {
  server.table_exists = true;
  server.ledger_engine = "MyISAM";
  CHECK(make()->attach().status == attach_status::no_ledger);
}

TEST_CASE_FIXTURE(replay_fixture, "a server where nobody may say when a write was made gets no queue") {
  server.secure_timestamp = true;
  const auto report = make()->attach();
  CHECK(report.status == attach_status::no_ledger);
  CHECK(report.reason.find("'app' say when") != std::string::npos);
  CHECK(report.reason.find("secure-timestamp") != std::string::npos);
}

TEST_CASE_FIXTURE(replay_fixture, "a ledger row or table that is gone halts, and is never made again") {
  append_numbered(*queue, 1, 1);
  auto with = make();
  CHECK(with->attach().status == attach_status::ready);
  server.ledger.reset();
  CHECK(with->drain().outcome == replay_outcome::halted);
  CHECK(with->attach().status == attach_status::ledger_gone);
  server.table_exists = false;
  CHECK(with->attach().status == attach_status::ledger_gone);
  CHECK_FALSE(server.table_exists);
  CHECK(server.history().empty());
}

TEST_CASE_FIXTURE(replay_fixture, "a ledger ahead of the spool halts") {
  auto with = make();
  REQUIRE(with->attach().status == attach_status::ready);
  server.ledger->applied = 5;
  CHECK(with->attach().status == attach_status::ledger_ahead);
}

TEST_CASE_FIXTURE(replay_fixture, "two replayers of one spool cannot both win") {
  append_numbered(*queue, 1, 1);
  auto with = make();
  REQUIRE(with->attach().status == attach_status::ready);
  server.ledger->epoch += 1; // a copy of the spool, elsewhere
  CHECK(with->drain().outcome == replay_outcome::halted);
  CHECK(with->attach().status == attach_status::fenced);
  CHECK(server.history().empty());
}

TEST_CASE_FIXTURE(replay_fixture,
                  "a server that fell behind gets the missing units again, in order, before new ones") {
  append_numbered(*queue, 1, 10);
  auto with = make();
  REQUIRE(run(*with).outcome == replay_outcome::drained);
  server.rewind(4, 4);
  append_numbered(*queue, 11, 12);
  SUBCASE("found when attaching, which tells how many") {
    CHECK(with->attach().again == 6);
    CHECK(with->drain().outcome == replay_outcome::drained);
    CHECK(with->attach().again == 0);
  }
  SUBCASE("found in the middle of a drain") {
    CHECK(with->drain().outcome == replay_outcome::drained);
  }
  CHECK(server.history() ==
        strings{"s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12"});
  CHECK(seen.applied_order.size() == 12);
}

TEST_CASE_FIXTURE(replay_fixture, "a server that fell behind what is kept halts") {
  queue.reset();
  auto options = options_in(folder);
  options.retention_bytes = 0;
  queue = open_or_fail(options);
  append_numbered(*queue, 1, 10);
  auto with = make();
  REQUIRE(run(*with).outcome == replay_outcome::drained);
  REQUIRE(queue->compact());
  CHECK(with->attach().status == attach_status::ready);
  server.rewind(4, 4);
  CHECK(with->attach().status == attach_status::ledger_behind);
}

TEST_CASE_FIXTURE(replay_fixture, "a unit in doubt on a non-transactional table becomes a dead letter") {
  server.non_transactional = {"m"};
  REQUIRE(append(*queue, make_unit("s1")));
  REQUIRE(append(*queue, make_unit("myisam2", "m")));
  REQUIRE(append(*queue, make_unit("s3")));
  SUBCASE("not when nothing goes wrong") {
    CHECK(run(*make()).outcome == replay_outcome::drained);
    CHECK(server.history() == strings{"s1", "myisam2", "s3"});
    CHECK(queue->counts().dead == 0);
  }
  SUBCASE("when the proxy died after it was sent") {
    REQUIRE(queue->mark_attempted(2));
    CHECK(run(*make()).outcome == replay_outcome::drained);
    CHECK(server.history() == strings{"s1", "s3"});
    CHECK(all_dead(*queue)->at(0).reason.find("in doubt") != std::string::npos);
    CHECK(seen.refusals.at(2).in_doubt);
  }
}

TEST_CASE_FIXTURE(replay_fixture, "what a trigger writes to a non-transactional table is written once") {
  server.triggers = {{"t", "INSERT INTO `Log` VALUES (NEW.id)"}};
  server.non_transactional = {"log"};
  for (const auto* text : {"logged1", "logged2", "logged3", "logged4", "logged5"})
    REQUIRE(append(*queue, make_unit(text, "t")));
  server.refused = {"logged3"};
  SUBCASE("its text names the table") {}
  SUBCASE("its text names another table whose trigger does") {
    server.triggers = {{"t", "UPDATE totals SET n = n + 1"}, {"totals", "INSERT INTO log VALUES (1)"}};
  }
  CHECK(run(*make()).outcome == replay_outcome::drained);
  CHECK(server.history() == strings{"log of logged1", "logged1", "log of logged2", "logged2",
                                    "log of logged4", "logged4", "log of logged5", "logged5"});
  CHECK(std::ranges::count(server.texts(), "SET innodb_lock_wait_timeout = DEFAULT") == 5);
  CHECK(queue->counts().dead == 1);
}

TEST_CASE_FIXTURE(replay_fixture,
                  "what is written through a view is written once, whatever is seen of its table") {
  server.views = {{"v", "select `app`.`m`.`n` AS `n` from `app`.`m`"}};
  SUBCASE("its table has no transactions") {
    server.non_transactional = {"m"};
  }
  SUBCASE("its table is not seen") {
    server.unseen = {"m"};
  }
  SUBCASE("its text is not seen") {
    server.views = {{"v", ""}};
  }
  SUBCASE("it is a view's, whose table is not seen") {
    server.views.insert(
        {"w", std::exchange(server.views["v"], "select `app`.`w`.`n` AS `n` from `app`.`w`")});
    server.unseen = {"m"};
  }
  for (const auto* text : {"myisam1", "myisam2"}) REQUIRE(append(*queue, make_unit(text, "v")));
  REQUIRE(append(*queue, make_unit("bad", "t")));
  REQUIRE(append(*queue, make_unit("myisam4", "v")));
  server.refused = {"bad"};
  CHECK(run(*make()).outcome == replay_outcome::drained);
  CHECK(server.history() == strings{"myisam1", "myisam2", "myisam4"});
}

TEST_CASE_FIXTURE(replay_fixture, "what one account does not see of a table is not believed for another") {
  server.triggers = {{"t", "INSERT INTO log VALUES (NEW.id)"}};
  server.non_transactional = {"log"};
  server.blind = {"app"};
  REQUIRE(append(*queue, make_unit("s1", "t")));
  for (const auto* text : {"logged2", "bad", "logged4"}) {
    auto what = make_unit(text, "t");
    what.account = "other";
    REQUIRE(append(*queue, what));
  }
  server.refused = {"bad"};
  CHECK(run(*make()).outcome == replay_outcome::drained);
  CHECK(server.history() == strings{"s1", "log of logged2", "logged2", "log of logged4", "logged4"});
}

TEST_CASE_FIXTURE(replay_fixture, "a view on tables with transactions slows nothing") {
  server.views = {{"v", "select `app`.`t`.`n` AS `n` from `app`.`t`"}};
  for (const auto* text : {"s1", "s2", "s3"}) REQUIRE(append(*queue, make_unit(text, "v")));
  const auto with = make();
  REQUIRE(with->attach().status == attach_status::ready);
  const auto before = server.commits();
  CHECK(with->drain().outcome == replay_outcome::drained);
  CHECK(server.commits() == before + 1);
}

TEST_CASE_FIXTURE(replay_fixture, "a trigger that writes tables with transactions slows nothing") {
  server.triggers = {{"t", "INSERT INTO log VALUES (NEW.id)"}};
  SUBCASE("all tables have them") {}
  SUBCASE("its text does not name the one that has none") {
    server.non_transactional = {"lo", "g", "log2"};
  }
  append_numbered(*queue, 1, 3);
  const auto with = make();
  REQUIRE(with->attach().status == attach_status::ready);
  const auto before = server.commits();
  CHECK(with->drain().outcome == replay_outcome::drained);
  CHECK(server.commits() == before + 1);
}

TEST_CASE_FIXTURE(replay_fixture,
                  "a statement that ends its transaction leaves the unit in doubt, sent once") {
  append_numbered(*queue, 1, 2);
  REQUIRE(append(*queue, make_unit("ddl3")));
  append_numbered(*queue, 4, 4);
  CHECK(run(*make()).outcome == replay_outcome::drained);
  CHECK(std::count(server.history().begin(), server.history().end(), "ddl3") == 1);
  CHECK(all_dead(*queue)->back().reason.find("in doubt") != std::string::npos);
  CHECK(server.history().back() == "s4");
}

TEST_CASE_FIXTURE(replay_fixture, "a read-only server is waited for, and nothing becomes a dead letter") {
  append_numbered(*queue, 1, 3);
  auto with = make();
  REQUIRE(with->attach().status == attach_status::ready);
  server.read_only = true;
  const auto report = with->drain();
  CHECK(report.outcome == replay_outcome::unreachable);
  CHECK(report.reason.find("read-only") != std::string::npos);
  CHECK(with->attach().status == attach_status::unreachable);
  server.read_only = false;
  CHECK(run(*with).outcome == replay_outcome::drained);
  CHECK(queue->counts().dead == 0);
}

TEST_CASE_FIXTURE(replay_fixture, "a stopped replayer says so until it is restarted") {
  append_numbered(*queue, 1, 1);
  auto with = make();
  REQUIRE(with->attach().status == attach_status::ready);
  with->stop();
  CHECK(with->drain().outcome == replay_outcome::stopped);
  with->restart();
  CHECK(with->drain().outcome == replay_outcome::drained);
}

} // namespace
} // namespace holdwater::spool
