// Every kind of trouble at every step of a replay; and the end of the process at every step. The promise is
// the same each time: every unit is applied once, in order, dead ones are told of, nothing is left.
#include "replay_fixture.hpp"

#include <algorithm>

namespace holdwater::spool {
namespace {

using namespace test;
using strings = std::vector<std::string>;

constexpr std::size_t many = 1000;

// What the texts of a story begin with: such as are sent one by one, and such as go many at a time; of those
// one that is prepared, and has its name as a value.
const std::string bound = "INSERT ?";
const std::string beginnings[] = {"", "INSERT ", bound};

statement part_of_story(const std::string& begin, const std::string& name) {
  constexpr std::uint8_t string_type = 254;
  auto made = make_statement(begin == bound ? begin : begin + name);
  if (begin == bound) made.parameters = {{string_type, false, false, name}};
  return made;
}

std::string as_written(const std::string& begin, const std::string& name) {
  return begin == bound ? begin + " <" + name + ">" : begin + name;
}

// Seven units in batches of four, one refused, of two accounts, one on a table that does not roll back.
void append_story(spool& queue, const std::string& begin) {
  const auto add = [&](const std::vector<const char*>& names, const char* account) {
    auto made = make_unit("", "t", account);
    made.statements.clear();
    for (const auto* name : names) made.statements.push_back(part_of_story(begin, name));
    REQUIRE(append(queue, made));
  };
  for (const char* name : {"s1", "s2", "bad3", "s4"}) add({name}, "app");
  add({"s5a", "s5b"}, "other");
  REQUIRE(append(queue, make_unit("myisam6", "m")));
  add({"s7"}, "app");
}

void prepare(replay_fixture& f, const std::string& begin) {
  append_story(*f.queue, begin);
  f.server.refused = {as_written(begin, "bad3")};
  f.server.non_transactional = {"m"};
}

strings story(const std::string& begin, strings names) {
  for (auto& name : names)
    if (name != "myisam6") name = as_written(begin, name);
  return names;
}

void check_promise(const replay_fixture& f, spool& queue, const std::string& begin) {
  // The unit that may be in doubt is there or a dead letter, never twice; all others are there once, in
  // order.
  const auto with = story(begin, {"s1", "s2", "s4", "s5a", "s5b", "myisam6", "s7"});
  const auto without = story(begin, {"s1", "s2", "s4", "s5a", "s5b", "s7"});
  std::vector<seq> dead;
  const auto letters = all_dead(queue);
  REQUIRE(letters);
  for (const auto& letter : *letters) dead.push_back(letter.what.number);
  if (dead == std::vector<seq>{3})
    CHECK(f.server.history() == with);
  else {
    CHECK(dead == std::vector<seq>{3, 6});
    CHECK((f.server.history() == with || f.server.history() == without));
  }
  CHECK(queue.counts().pending == 0);
  CHECK(f.server.ledger->applied == 7);
  for (const auto& [number, times] : f.seen.applied_times) {
    CAPTURE(number);
    CHECK(times == 1);
  }
}

constexpr std::pair<trouble_kind, const char*> kinds[] = {
    {trouble_kind::lost_before, "lost before"}, {trouble_kind::lost_after, "lost after"},
    {trouble_kind::lost_stuck, "lost, stuck"},  {trouble_kind::lost_thawing, "lost, thawing"},
    {trouble_kind::deadlock, "deadlock"},       {trouble_kind::lock_wait, "lock wait"},
    {trouble_kind::read_only, "read-only"},     {trouble_kind::shutdown, "shutdown"},
};

std::uint64_t steps_without_trouble(const std::string& begin) {
  replay_fixture f;
  prepare(f, begin);
  REQUIRE(replay_fixture::run(*f.make()).outcome == replay_outcome::drained);
  check_promise(f, *f.queue, begin);
  return f.server.steps();
}

void drains_in_spite_of(const std::string& begin, const std::vector<fake_server::plan>& troubles) {
  replay_fixture f;
  prepare(f, begin);
  for (const auto& one : troubles) f.server.plan_trouble(one);
  REQUIRE(replay_fixture::run(*f.make()).outcome == replay_outcome::drained);
  check_promise(f, *f.queue, begin);
}

TEST_CASE("trouble at any one step changes nothing of the promise") {
  for (const auto& begin : beginnings) {
    CAPTURE(begin);
    const auto steps = steps_without_trouble(begin);
    REQUIRE(steps > 40);
    for (const auto& [kind, name] : kinds)
      for (std::uint64_t step = 1; step <= steps; ++step) {
        CAPTURE(name);
        CAPTURE(step);
        drains_in_spite_of(begin, {{step, kind}});
      }
  }
}

TEST_CASE("trouble while recovering from trouble changes nothing of the promise") {
  for (const auto& begin : beginnings) {
    CAPTURE(begin);
    const auto steps = steps_without_trouble(begin);
    constexpr trouble_kind losses[] = {trouble_kind::lost_before, trouble_kind::lost_after,
                                       trouble_kind::lost_stuck, trouble_kind::lost_thawing};
    for (std::uint64_t step = 1; step <= steps; step += 2)
      for (std::uint64_t later = 1; later <= 12; ++later) {
        CAPTURE(step);
        CAPTURE(later);
        drains_in_spite_of(begin,
                           {{step, losses[(step / 2 + later) % 4]}, {step + later, losses[later % 4]}});
      }
  }
}

TEST_CASE("a commit that is still under way is waited for, so that nothing of it is in doubt") {
  for (const auto& begin : beginnings) {
    CAPTURE(begin);
    replay_fixture undisturbed;
    prepare(undisturbed, begin);
    REQUIRE(replay_fixture::run(*undisturbed.make()).outcome == replay_outcome::drained);
    REQUIRE(undisturbed.server.commits() > 5);
    for (std::uint64_t which = 1; which <= undisturbed.server.commits(); ++which) {
      CAPTURE(which);
      replay_fixture f;
      prepare(f, begin);
      f.server.slow_commit = which;
      REQUIRE(replay_fixture::run(*f.make()).outcome == replay_outcome::drained);
      check_promise(f, *f.queue, begin);
      const auto letters = all_dead(*f.queue);
      REQUIRE(letters);
      CHECK(letters->size() == 1); // the refused one
    }
  }
}

TEST_CASE("the end of the process at any step of the server changes nothing of the promise") {
  for (const auto& begin : beginnings) {
    CAPTURE(begin);
    const auto steps = steps_without_trouble(begin);
    for (const auto& [kind, name] : {kinds[0], kinds[1], kinds[3]})
      for (std::uint64_t step = 1; step <= steps; ++step) {
        CAPTURE(name);
        CAPTURE(step);
        replay_fixture f;
        prepare(f, begin);
        f.server.plan_trouble({step, kind});
        {
          // From the trouble on nothing of this process reaches the server.
          auto dying =
              std::make_unique<replayer>(*f.queue, fast_options(), f.seen, [&](const credentials& who) {
                f.server.reachable = f.server.steps() < step;
                return f.server.connect(who);
              });
          if (dying->attach().status == attach_status::ready) static_cast<void>(dying->drain());
        }
        f.queue.reset();
        f.queue = open_or_fail(options_in(f.folder));
        f.server.reachable = true;
        REQUIRE(replay_fixture::run(*f.make()).outcome == replay_outcome::drained);
        check_promise(f, *f.queue, begin);
      }
  }
}

} // namespace
} // namespace holdwater::spool
