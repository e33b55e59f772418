// Applies pending units to the server exactly once and in order, on a thread of its own, guarded by the
// ledger.
//
// Invariant: every replay transaction reads its ledger row FOR UPDATE and has the answer before its first
// unit is sent; it moves the row and commits together with the units. After a lost answer the row is read
// again, locking, on a new connection (the old one is ended with KILL first, when the server is still the
// same run): what it says is the truth. See DESIGN in spool/README.md.
#pragma once

#include "spool/mysql_connection.hpp"
#include "spool/spool.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace holdwater::spool {

struct replay_options {
  std::vector<credentials>
      accounts;         // units of other accounts become dead letters; the first one is the owner
  std::string database; // MYSQL_DATABASE
  std::string ledger_table = "holdwater_ledger"; // "name" in `database`, or "schema.name"
  connection_timeouts timeouts;
  std::size_t batch_units = 1024;
  std::size_t batch_bytes = 1 << 20;
  std::chrono::milliseconds retry_delay{100}; // between transient errors
};

enum class attach_status : std::uint8_t {
  ready,         // the ledger row is there and agrees with the spool
  no_ledger,     // the table cannot be made or written (rights); nothing may be spooled
  ledger_gone,   // there was a row once, and it is missing: a person decides
  ledger_ahead,  // the row says more than this spool ever had: a person decides
  ledger_behind, // the server lacks applied units that the spool no longer keeps: a person decides
  fenced,        // another owner has taken over this spool's row
  unreachable,   // connection lost or "not now"
  stuck,         // as replay_outcome's: of a unit that the server's data lacks
  spool_failed,  // the local queue could not be read or written: it may recover by itself
};

enum class replay_outcome : std::uint8_t {
  drained,      // nothing was pending when it looked last
  went_on,      // of one_step: something was settled
  unreachable,  // connection lost or "not now": ask again when the server is back
  stuck,        // the server refuses the next unit until somebody has seen to that (the account's password, a
                // full table), and takes the owner's writes: ask again at a slow pace
  halted,       // ledger gone, ahead or fenced: a person decides
  stopped,      // stop() was called
  spool_failed, // the local queue could not be read or written
};

// Called on the replay thread.
class replay_observer {
 public:
  virtual ~replay_observer() = default;
  // The unit was committed on the server (after the commit).
  virtual void applied(seq number, const std::vector<statement_answer>& answers) = 0;
  // The server refused the unit. Return true when its client still waits and has been given the error: then
  // the unit is settled as refused; false makes it a dead letter. A unit in doubt stays one either way.
  virtual bool refused(seq number, const server_error& error) = 0;
};

struct replay_report {
  replay_outcome outcome = replay_outcome::drained;
  std::string reason;          // for people, when not drained
  bool server_answers = false; // of unreachable: it was "not now", of a server that is there
};

// Makes a connection for an account; tests put a server of their own behind it.
using connector = std::function<server_result<std::unique_ptr<mysql_connection>>(const credentials&)>;

using accounts_with_reasons = std::vector<std::pair<std::string, std::string>>;

class replayer {
 public:
  replayer(spool& queue, replay_options options, replay_observer& observer, connector connect);
  ~replayer();
  replayer(const replayer&) = delete;
  replayer& operator=(const replayer&) = delete;

  // Blocking, for one thread: makes or checks the ledger (on first contact with the server, and after each
  // outage), takes ownership by a new epoch, and applies what a lagging server is missing.
  struct attach_report {
    attach_status status = attach_status::unreachable;
    std::string reason;
    // Accounts besides the owner that cannot use the ledger, with why: their units could not be applied, so
    // none may be accepted.
    accounts_with_reasons without_ledger = {};
    bool server_answers = false; // as in replay_report
    std::uint64_t again = 0;     // of ready: units that its data lacked and that were applied once more
  };
  [[nodiscard]] attach_report attach();

  // Blocking: which of those still cannot use the ledger, asked over new connections. Precondition: as
  // drain().
  [[nodiscard]] accounts_with_reasons look_again(const accounts_with_reasons& known);

  enum class how_far : std::uint8_t {
    to_the_end,
    one_step, // until something was settled: whether what it was stuck at is over
  };
  // Blocking: applies until nothing is pending or it cannot go on. Precondition: attach() said ready.
  [[nodiscard]] replay_report drain(how_far until = how_far::to_the_end);

  // May be called from any thread: drain() and attach() return soon.
  void stop();
  // Allows drain() and attach() again after a stop().
  void restart();

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace holdwater::spool
