#include "proxy/server/state.hpp"

#include <algorithm>

namespace holdwater::proxy {
namespace {

using enum server_state;
using enum server_event;
using enum server_action;

server_step reached(const server_facts& facts) {
  return facts.has_spool ? server_step{draining, start_drain} : server_step{up, wait_for_interval};
}

// A check that passed, where replay has nothing to do unless something stopped it that may be over.
server_step stay(server_state now, const server_facts& facts) {
  switch (facts.met) {
  case obstacle::none:
  case obstacle::unit_refused: return {now, wait_for_interval};
  case obstacle::unit_due:
    if (now == halted) return {halted, wait_for_interval};
    break;
  case obstacle::spool_failed: return {now, retry_later};
  case obstacle::spool_recovered: break;
  }
  return {draining, start_drain};
}

// The server is there, and refuses the next unit: to clients it takes no writes, and they are queued. That
// lasts until replay has gone on: a try that meets the same again is nothing that anybody has to hear of.
bool is_stuck(const server_facts& facts) {
  return facts.reads && (facts.met == obstacle::unit_refused || facts.met == obstacle::unit_due);
}

server_step at_end_of_drain(const server_facts& facts) {
  const bool needs_queue = facts.met == obstacle::spool_failed || facts.met == obstacle::spool_recovered;
  return {up, needs_queue ? retry_later : wait_for_interval};
}

server_step from_up(server_event event, const server_facts& facts) {
  switch (event) {
  case trouble: return {suspect, check_now};
  case connected: return reached(facts); // it was away and came back between two checks
  case check_not_now:
  case replay_not_now: return {suspect, retry_soon, true};
  case check_failed:
  case replay_lost_server: return {suspect, retry_soon};
  case check_timed_out: return {down, retry_soon};
  case replay_halted: return {halted, wait_for_interval};
  case replay_stuck: return {down, wait_for_interval, true};
  case spool_failed: return {halted, retry_later};
  case units_waiting: return {draining, start_drain};
  case check_passed: return stay(up, facts);
  case drained: return at_end_of_drain(facts);
  case replay_went_on: return {up, keep_pace};
  }
  return {up, wait_for_interval};
}

server_step from_suspect(server_event event, const server_facts& facts) {
  switch (event) {
  case check_passed: return stay(up, facts);
  case connected: return reached(facts);
  case check_not_now: return {facts.budget_spent ? down : suspect, retry_soon, true};
  case check_failed: return {facts.budget_spent ? down : suspect, retry_soon};
  case check_timed_out: return {down, retry_soon};
  case replay_halted: return {halted, wait_for_interval};
  case spool_failed: return {halted, retry_later};
  case trouble:
  case drained:
  case units_waiting:
  case replay_not_now:
  case replay_stuck: // the check that is under way has the word
  case replay_went_on:
  case replay_lost_server: return {suspect, keep_pace, facts.reads};
  }
  return {suspect, keep_pace, facts.reads};
}

server_step from_down(server_event event, const server_facts& facts) {
  switch (event) {
  // A connection that was there before and answers again is a thawed server, or one that takes writes again:
  // it is as reachable as a new one.
  case connected: // or a person asks for another look
    if (is_stuck(facts)) return {down, start_drain, true};
    return reached(facts);
  case check_passed:
    if (is_stuck(facts))
      return {down, facts.met == obstacle::unit_due ? try_next_unit : wait_for_interval, true};
    return reached(facts);
  case replay_stuck:
    if (facts.reads) return {down, wait_for_interval, true};
    break;
  case replay_went_on:
    if (facts.reads) return {draining, wait_for_interval};
    break;
  case check_not_now: return {down, retry_soon, true};
  case check_failed:
  case check_timed_out: return {down, retry_soon};
  case trouble:
    if (facts.reads) return {down, check_now, true}; // what was there may be gone
    break;
  default: break;
  }
  return {down, keep_pace, facts.reads};
}

server_step from_draining(server_event event, const server_facts& facts) {
  switch (event) {
  case drained: return at_end_of_drain(facts);
  case replay_halted: return {halted, wait_for_interval};
  case replay_stuck: return {down, wait_for_interval, true};
  case spool_failed: return {halted, retry_later};
  case replay_went_on: return {draining, keep_pace};
  case trouble:
    return {draining, check_now}; // replay itself is the best witness; a check helps when it is stuck
  case connected: return reached(facts);
  case units_waiting: return {draining, start_drain};
  case check_passed: return {draining, wait_for_interval};
  case check_not_now:
  case replay_not_now: return {down, retry_soon, true};
  case check_failed:
  case check_timed_out:
  case replay_lost_server: return {down, retry_soon};
  }
  return {draining, wait_for_interval};
}

server_step from_halted(server_event event, const server_facts& facts) {
  switch (event) {
  case connected: return {halted, start_drain}; // a person may have mended it, and asks for another look
  case replay_went_on: return {draining, wait_for_interval};
  case drained:
    return {draining, start_drain}; // `up` comes from there alone: others learn of the return by it
  case check_not_now:
  case replay_not_now: return {down, retry_soon, true};
  case check_failed:
  case check_timed_out:
  case replay_lost_server: return {down, retry_soon};
  case trouble: return {halted, check_now};
  case check_passed: return stay(halted, facts);
  case spool_failed: return {halted, retry_later};
  case units_waiting: return {halted, keep_pace};
  case replay_stuck: return {down, wait_for_interval, true};
  case replay_halted: return {halted, wait_for_interval};
  }
  return {halted, wait_for_interval};
}

} // namespace

std::string_view name_of(server_state value) {
  switch (value) {
  case up: return "up";
  case suspect: return "suspect";
  case down: return "down";
  case draining: return "draining";
  case halted: return "halted";
  }
  return "unknown";
}

server_step step(server_state now, server_event event, const server_facts& facts) {
  switch (now) {
  case up: return from_up(event, facts);
  case suspect: return from_suspect(event, facts);
  case down: return from_down(event, facts);
  case draining: return from_draining(event, facts);
  case halted: return from_halted(event, facts);
  }
  return {now, wait_for_interval};
}

std::chrono::milliseconds backoff(unsigned attempt, std::chrono::milliseconds longest, double random) {
  constexpr std::chrono::milliseconds first{100};
  const auto doubled = first * (1LL << std::min(attempt, 20u));
  const auto ceiling =
      std::max(std::chrono::milliseconds{1}, std::min(longest, std::chrono::milliseconds{doubled}));
  return ceiling / 2 +
         std::chrono::milliseconds{static_cast<long long>(random * static_cast<double>(ceiling.count()) / 2)};
}

} // namespace holdwater::proxy
