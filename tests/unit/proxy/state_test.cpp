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
    trouble, check_passed,  connected,          check_failed,  check_timed_out,
    drained, units_waiting, replay_lost_server, replay_halted, spool_failed};

struct row {
  server_state now;
  server_event event;
  server_facts facts;
  server_state next;
  server_action action;
};

} // namespace

TEST_CASE("the server's state moves as the contract says") {
  const server_facts spool{}, plain{false, false}, spent{true, true},
      failed{true, false, spool_health::failed}, recovered{true, false, spool_health::recovered};
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
      {down, trouble, spool, down, retry_soon},
      {down, check_failed, spool, down, retry_soon},
      {down, connected, spool, draining, start_drain},
      {down, check_passed, spool, draining, start_drain},
      {down, connected, plain, up, wait_for_interval},
      {draining, drained, spool, up, wait_for_interval},
      {draining, check_timed_out, spool, down, retry_soon},
      {draining, replay_lost_server, spool, down, retry_soon},
      {draining, replay_halted, spool, halted, wait_for_interval},
      {halted, check_passed, spool, halted, wait_for_interval},
      {halted, connected, spool, draining, start_drain},
      {halted, check_failed, spool, down, retry_soon},
      {draining, spool_failed, failed, halted, retry_later},
      {draining, drained, failed, up, retry_later},
      {halted, check_passed, failed, halted, retry_later},
      {halted, check_passed, recovered, draining, start_drain},
      {up, check_passed, failed, up, retry_later},
      {up, check_passed, recovered, draining, start_drain},
      {down, spool_failed, failed, down, retry_soon},
  };
  for (const auto& one : table) {
    CAPTURE(name_of(one.now));
    CAPTURE(static_cast<int>(one.event));
    const auto got = step(one.now, one.event, one.facts);
    CHECK(got.next == one.next);
    CHECK(got.action == one.action);
  }
}

TEST_CASE("a server that was down is never up before it is drained") {
  for (const auto event : all_events) CHECK(step(down, event, {}).next != up);
}

TEST_CASE("only a person's look or a new connection ends a halt") {
  for (const auto event : all_events) {
    const auto next = step(halted, event, {}).next;
    CAPTURE(static_cast<int>(event));
    CHECK((next == halted || next == down || event == connected));
  }
}

TEST_CASE("every state has an answer to every event, and looks at the server again") {
  for (const auto state : all_states)
    for (const auto event : all_events)
      for (const bool spent : {false, true}) {
        const auto got = step(state, event, {true, spent});
        CHECK(name_of(got.next) != "unknown");
        if (got.next == down) CHECK(got.action == retry_soon);
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
