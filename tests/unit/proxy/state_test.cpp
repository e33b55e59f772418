#include "proxy/server/state.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <vector>

using namespace holdwater::proxy;
using enum server_state;
using enum server_event;
using enum server_action;

namespace {

constexpr std::initializer_list<server_state> all_states{up, suspect, down, draining, halted};
constexpr std::initializer_list<server_event> all_events{
    trouble,         check_passed, connected,      check_not_now,      check_failed,
    check_timed_out, drained,      units_waiting,  replay_lost_server, replay_not_now,
    replay_halted,   replay_stuck, replay_went_on, spool_failed};
constexpr std::initializer_list<obstacle> all_obstacles{obstacle::none, obstacle::spool_failed,
                                                        obstacle::spool_recovered, obstacle::unit_refused,
                                                        obstacle::unit_due};

struct row {
  server_state now;
  server_event event;
  server_facts facts;
  server_state next;
  server_action action;
  bool reads = false; // go on
};

} // namespace

TEST_CASE("the server's state moves as the contract says") {
  const server_facts spool{}, plain{.has_spool = false}, spent{.budget_spent = true}, reads{.reads = true},
      spent_reads{.budget_spent = true, .reads = true}, failed{.met = obstacle::spool_failed},
      recovered{.met = obstacle::spool_recovered}, refused{.reads = true, .met = obstacle::unit_refused},
      due{.reads = true, .met = obstacle::unit_due}, gone{.met = obstacle::unit_refused};
  const std::vector<row> table{
      {up, trouble, spool, suspect, check_now},
      {up, check_passed, spool, up, wait_for_interval},
      {up, check_failed, spool, suspect, retry_soon},
      {up, check_timed_out, spool, down, retry_soon},
      {up, connected, spool, draining, start_drain},
      {up, units_waiting, spool, draining, start_drain},
      {suspect, check_passed, spool, up, wait_for_interval},
      {suspect, check_failed, spool, suspect, retry_soon},
      {suspect, check_failed, spent, down, retry_soon},
      {suspect, check_timed_out, spool, down, retry_soon},
      {suspect, connected, spool, draining, start_drain},
      {suspect, connected, plain, up, wait_for_interval},
      {suspect, trouble, spool, suspect, keep_pace},
      {down, trouble, spool, down, keep_pace},
      {down, check_failed, spool, down, retry_soon},
      {down, connected, spool, draining, start_drain},
      {down, check_passed, spool, draining, start_drain},
      {down, connected, plain, up, wait_for_interval},
      {draining, drained, spool, up, wait_for_interval},
      {draining, check_timed_out, spool, down, retry_soon},
      {draining, replay_lost_server, spool, down, retry_soon},
      {draining, replay_halted, spool, halted, wait_for_interval},
      {halted, check_passed, spool, halted, wait_for_interval},
      {halted, connected, spool, halted, start_drain},
      {halted, check_failed, spool, down, retry_soon},
      {draining, spool_failed, failed, halted, retry_later},
      {draining, drained, failed, up, retry_later},
      {halted, check_passed, failed, halted, retry_later},
      {halted, check_passed, recovered, draining, start_drain},
      {up, check_passed, failed, up, retry_later},
      {up, check_passed, recovered, draining, start_drain},
      {down, spool_failed, failed, down, keep_pace},

      {up, check_not_now, spool, suspect, retry_soon, true}, // it is there, and read-only
      {up, replay_not_now, spool, suspect, retry_soon, true},
      {suspect, check_not_now, spool, suspect, retry_soon, true},
      {suspect, check_not_now, spent, down, retry_soon, true},
      {suspect, trouble, reads, suspect, keep_pace, true}, // another statement that it has refused
      {suspect, check_passed, reads, up, wait_for_interval},
      {suspect, check_failed, reads, suspect, retry_soon}, // now it is gone
      {suspect, check_failed, spent_reads, down, retry_soon},
      {suspect, check_timed_out, reads, down, retry_soon},
      {down, check_not_now, spool, down, retry_soon, true}, // it is back, and read-only
      {down, check_not_now, reads, down, retry_soon, true},
      {down, trouble, reads, down, check_now, true},
      {down, check_failed, reads, down, retry_soon},
      {down, check_timed_out, reads, down, retry_soon},
      {down, check_passed, reads, draining, start_drain}, // it takes writes again
      {down, connected, reads, draining, start_drain},
      {down, units_waiting, reads, down, keep_pace, true},
      {down, drained, reads, down, keep_pace, true}, // by a replay that was still under way
      {draining, check_not_now, spool, down, retry_soon, true},
      {draining, replay_not_now, spool, down, retry_soon, true},
      {halted, check_not_now, spool, down, retry_soon, true},
      {halted, replay_not_now, spool, down, retry_soon, true},

      {draining, replay_stuck, refused, down, wait_for_interval, true}, // a unit is refused, not the server
      {halted, replay_stuck, refused, down, wait_for_interval, true},
      {down, check_passed, refused, down, wait_for_interval, true}, // not yet
      {down, check_passed, due, down, try_next_unit, true},
      {down, replay_stuck, refused, down, wait_for_interval, true}, // still: nobody has to hear of it
      {down, connected, refused, down, start_drain, true},          // a person asks
      {down, trouble, due, down, check_now, true},
      {down, units_waiting, refused, down, keep_pace, true},
      {down, replay_went_on, reads, draining, wait_for_interval},
      {down, replay_lost_server, reads, down, keep_pace, true},
      {down, check_not_now, refused, down, retry_soon, true},
      {down, check_failed, refused, down, retry_soon},
      {halted, replay_went_on, spool, draining, wait_for_interval},
      {halted, drained, spool, draining, start_drain},
      {halted, replay_lost_server, spool, down, retry_soon},
      {draining, replay_went_on, spool, draining, keep_pace},
      {suspect, replay_stuck, reads, suspect, keep_pace, true}, // the check decides
      {suspect, check_passed, due, draining, start_drain},
      {down, replay_stuck, spool, down, keep_pace},
      {down, replay_went_on, spool, down, keep_pace},
      {down, connected, gone, draining, start_drain}, // another server, perhaps
  };
  for (const auto& one : table) {
    CAPTURE(name_of(one.now));
    CAPTURE(static_cast<int>(one.event));
    const auto got = step(one.now, one.event, one.facts);
    CHECK(got.next == one.next);
    CHECK(got.action == one.action);
    CHECK(got.reads == one.reads);
  }
}

TEST_CASE("a server that was down is never up before it is drained") {
  for (const auto event : all_events)
    for (const bool reads : {false, true}) CHECK(step(down, event, {.reads = reads}).next != up);
}

TEST_CASE("reads go on only where it is not certain that the server takes writes") {
  for (const auto state : all_states)
    for (const auto event : all_events)
      for (const bool reads : {false, true}) {
        const auto got = step(state, event, {.reads = reads});
        if (got.reads) CHECK((got.next == suspect || got.next == down));
        if (event == check_failed || event == check_timed_out) CHECK_FALSE(got.reads);
      }
}

TEST_CASE("a halt ends when replay has gone on, when its queue works again, or with the server") {
  for (const auto event : all_events)
    for (const auto met : all_obstacles) {
      const auto next = step(halted, event, {.met = met}).next;
      CAPTURE(static_cast<int>(event));
      const bool went_on = event == drained || event == replay_went_on;
      const bool queue_works = event == check_passed && met == obstacle::spool_recovered;
      CHECK((next == halted || next == down || went_on || queue_works));
      CHECK(next != up);
    }
}

TEST_CASE("a unit that the server refuses is tried again by a check, and no sooner than it is due") {
  for (const auto state : all_states)
    for (const auto event : all_events)
      for (const auto met : all_obstacles) {
        const auto got = step(state, event, {.reads = true, .met = met});
        if (got.action != try_next_unit) continue;
        CHECK((state == down && event == check_passed && met == obstacle::unit_due));
        CHECK((got.next == down && got.reads));
      }
}

TEST_CASE("every state has an answer to every event, and looks at the server again") {
  for (const auto state : all_states)
    for (const auto event : all_events)
      for (const bool spent : {false, true}) {
        const auto got = step(state, event, {true, spent});
        CHECK(name_of(got.next) != "unknown");
        if (got.next == down && event != replay_stuck)
          CHECK((got.action == retry_soon || (state == down && got.action == keep_pace)));
        if (got.next == draining && state == down) CHECK(got.action == start_drain);
      }
}

TEST_CASE("the back-off doubles from 100 ms to the longest delay, spread over its upper half") {
  using std::chrono::milliseconds;
  const milliseconds longest{2000};
  CHECK(backoff(0, longest, 0.0) == milliseconds{50});
  CHECK(backoff(0, longest, 0.999) < milliseconds{100});
  CHECK(backoff(3, longest, 0.0) == milliseconds{400});
  CHECK(backoff(10, longest, 0.0) == milliseconds{1000});
  CHECK(backoff(4'000'000'000u, longest, 0.999) <= longest);
  CHECK(backoff(5, milliseconds{0}, 0.5) >= milliseconds{0});
}
