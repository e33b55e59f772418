// The server's states and the one pure function that moves between them. What drives it, and the clock, is
// the monitor's.
//
// `suspect` and `down` are said of writes. Beside them stands whether reads go on: the server is there all
// the same, and is read-only, or has no room for further connections.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace holdwater::proxy {

enum class server_state : std::uint8_t {
  up,       // takes everything; nothing is pending
  suspect,  // a sign of trouble was seen and is being checked
  down,     // the retries are used up: an outage, for writes at least
  draining, // reachable again; pending units are being applied
  halted,   // reachable, but replay must not or cannot go on without a person, or a local queue that works
};
[[nodiscard]] std::string_view name_of(server_state value);

// What may happen to the monitor.
enum class server_event : std::uint8_t {
  trouble,         // a session or the replay met a sign of trouble
  check_passed,    // the connection that was there before still answers, and takes writes
  connected,       // a new connection was made, and it takes writes
  check_not_now,   // the server is there, and takes no writes: it is read-only, or has too many connections
  check_failed,    // refused, reset, or not ready
  check_timed_out, // no answer within the connection time-out
  drained,         // replay found nothing pending any more
  replay_lost_server, // replay met a lost connection
  replay_not_now,     // replay was answered "not now"
  replay_halted,      // the ledger is gone or ahead, or another owner has the spool
  replay_stuck,       // the server takes writes, and refuses the next unit until somebody has seen to that
  replay_went_on,     // what had halted it is gone: a unit was settled
  spool_failed,       // the local queue could not be read or written, with units pending
  units_waiting,      // units were queued although the server is up (a dead letter is tried again)
};

// What the monitor does next.
enum class server_action : std::uint8_t {
  wait_for_interval, // look again after the check interval
  check_now,         // look at once
  retry_soon,        // look again after the current back-off
  keep_pace,         // look again when that was going to be done
  retry_later,       // look again after the longest back-off
  start_drain,       // attach to the ledger and apply what is pending
  try_next_unit,     // apply what is pending, over the connections that replay has
};

// What replay's last try met, where the server was not away.
enum class obstacle : std::uint8_t {
  none,
  spool_failed,    // a failure of the local queue, and it lasts
  spool_recovered, // one, and it has passed since: replay may try again
  unit_refused,    // the server refused a unit, a short while ago
  unit_due,        // the same, and long enough ago to try again
};

// What the decision depends on besides the event.
struct server_facts {
  bool has_spool = true;     // without one a reachable server is simply up
  bool budget_spent = false; // the time in `suspect` has used up the retries
  bool reads = false;        // reads go on in the present state
  obstacle met = obstacle::none;
};

struct server_step {
  server_state next{};
  server_action action{};
  bool reads = false; // of suspect and down: whether reads go on
};

[[nodiscard]] server_step step(server_state now, server_event event, const server_facts& facts);

// The pause before the attempt number `attempt` (from 0): exponential from 100 ms to `longest`, then spread
// by `random` (0 <= random < 1) over its upper half, so that many proxies do not knock at once.
[[nodiscard]] std::chrono::milliseconds backoff(unsigned attempt, std::chrono::milliseconds longest,
                                                double random);

} // namespace holdwater::proxy
