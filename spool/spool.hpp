// The spool's one interface. Nothing above this folder may assume that there is a file behind it.
//
// Promise: append()'s completion is called with a seq only after the unit is durable. Units are numbered in
// the order of that commit, without gaps. Reading never deletes; a unit leaves the queue only when it is
// settled.
//
// States of a unit: pending -> applied (kept until spool.retention) | dead (kept until a person decides) |
// refused (the server refused it while its client still waited: it was answered, never acknowledged) |
// discarded (a person gave up a dead letter).
#pragma once

#include "spool/data_key.hpp"
#include "spool/error.hpp"
#include "spool/unit.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::spool {

struct spool_counts {
  std::uint64_t pending = 0;
  std::uint64_t dead = 0;
  std::uint64_t bytes = 0; // of pending and dead units, as it counts against the limit
  seq last = 0;            // highest seq given out
  seq applied = 0;         // everything up to here is settled
  seq dropped = 0;         // applied units up to here are no longer kept
  std::optional<std::chrono::microseconds>
      oldest_pending; // accepted_at of the oldest pending unit, since the epoch
};

struct dead_letter {
  unit what;
  unsigned number = 0; // the server's error number, 0 when it did not come from the server
  std::string sql_state;
  std::string reason; // the server's words, or ours ("in doubt on a non-transactional table")
  std::chrono::microseconds died_at{0};
};

struct dead_letters {
  std::vector<dead_letter> letters;
  bool more = false; // there are others behind them
};

// What the server said to a unit, per statement.
struct statement_answer {
  std::uint64_t affected_rows = 0;
  std::uint64_t insert_id = 0;
  unsigned warnings = 0;
  std::string info;
};
struct server_error {
  unsigned number = 0; // 0: our own words, not the server's
  std::string sql_state;
  std::string text;
  bool in_doubt = false; // nobody can tell whether it was carried out
};

// Of another queue, or of a file: known by where it comes from and its position there.
struct imported_unit {
  std::uint64_t position = 0;
  unit what;
};
struct import_outcome {
  std::uint64_t taken = 0;
  std::uint64_t skipped = 0; // they had been taken before
  seq last = 0;              // of those that were taken; 0: none
};

// What bounds it.
struct spool_limits {
  std::uint64_t max_bytes = 4ULL << 30;         // append() fails with errc::full past it
  std::chrono::seconds max_age{0};              // ... and when a unit has been pending longer; 0: for ever
  std::chrono::seconds retention{24 * 3600};    // how long applied units are kept
  std::uint64_t retention_bytes = 256ULL << 20; // and how many bytes of them at most
};

class spool {
 public:
  // Called once, on the spool's writer thread (after close(): on the caller's), after the commit and before
  // the unit becomes visible to read_pending(); counts() and pending_on() know it already. Must not block and
  // must not call back into the spool.
  using appended = std::function<void(result<seq>)>;

  virtual ~spool() = default;

  // Queues a unit; many queued units share one synced commit. Never blocks on the disk. Thread-safe.
  virtual void append(unit what, appended done) = 0;

  // Queues units that come from elsewhere, all or none of them; those at positions that were ever taken from
  // that source are left out. Positions rise. As append(): called once, on the writer thread.
  virtual void import(std::string source, std::vector<imported_unit> units,
                      std::function<void(result<import_outcome>)> done) = 0;

  // Pending units with seq > after, in order: at most max_units and (past the first) max_bytes in memory,
  // with what is bound to the statements and their user variables.
  [[nodiscard]] virtual result<std::vector<unit>> read_pending(seq after, std::size_t max_units,
                                                               std::size_t max_bytes) = 0;
  // The same, while the caller does something else.
  [[nodiscard]] virtual std::future<result<std::vector<unit>>>
  start_reading_pending(seq after, std::size_t max_units, std::size_t max_bytes) {
    return std::async(std::launch::deferred, [=, this] { return read_pending(after, max_units, max_bytes); });
  }
  // Settled units again, for a server whose ledger is behind: those with seq > after that were applied.
  [[nodiscard]] virtual result<std::vector<unit>> read_applied(seq after, std::size_t max_units,
                                                               std::size_t max_bytes) = 0;

  // The transitions; all durable before they return.
  [[nodiscard]] virtual result<void> mark_applied(seq from, seq to) = 0; // pending ones in [from, to]
  [[nodiscard]] virtual result<void> mark_refused(seq number) = 0;       // a pending or dead one
  [[nodiscard]] virtual result<void> mark_dead(seq number,
                                               const server_error& why) = 0; // a pending or applied one
  // Notes that a unit on a non-transactional table is about to be sent; is_attempted() tells it after a
  // crash.
  [[nodiscard]] virtual result<void> mark_attempted(seq number) = 0;
  // The server has refused it, and it has done nothing.
  [[nodiscard]] virtual result<void> forget_attempt(seq number) = 0;
  [[nodiscard]] virtual result<bool> is_attempted(seq number) = 0;

  // Dead letters with seq > after, oldest first, bounded as read_pending() is. retry appends the unit anew
  // (it gets a new seq) and removes the dead letter in the same commit; returns the new seq, or
  // errc::unconfirmed when the spool was restored and takes no writes yet. discard keeps it no longer.
  [[nodiscard]] virtual result<dead_letters> read_dead(seq after, std::size_t max_units,
                                                       std::size_t max_bytes) = 0;
  [[nodiscard]] virtual result<seq> retry_dead(seq number) = 0;
  [[nodiscard]] virtual result<void> discard_dead(seq number) = 0;

  // Drops settled units past the retention. Called every so often by the replayer.
  [[nodiscard]] virtual result<void> compact() = 0;

  // Counts are kept in memory and cost no disk access. Thread-safe.
  [[nodiscard]] virtual spool_counts counts() const = 0;
  // True when a pending unit writes one of the tables. Thread-safe, in memory.
  [[nodiscard]] virtual bool pending_on(const std::vector<table_name>& tables) const = 0;
  // Why append() would fail now, or nothing. Thread-safe.
  [[nodiscard]] virtual std::optional<failure> trouble() const = 0;

  // Other limits from now on. Thread-safe.
  virtual void set_limits(const spool_limits& fresh) = 0;

  // Other keys from now on. What older ones have sealed is sealed anew by and by, beside the other work.
  // errc::wrong_key, and nothing is changed, when one is missing that a unit needs. Thread-safe.
  [[nodiscard]] virtual result<void> set_keys(key_ring_ptr fresh) = 0;
  // Whether set_keys() would take them. Thread-safe.
  [[nodiscard]] virtual result<void> check_keys(const key_ring_ptr& fresh) = 0;

  // The server's ledger was read and does not contradict this file: from now on one that was restored from a
  // backup takes writes.
  [[nodiscard]] virtual result<void> ledger_agrees() = 0;
  // Copies the file, as of one commit, to a path where nothing is; finish_copy() (backup.hpp) makes a backup
  // of it. Others' work goes on meanwhile. Called once, on the writer's thread.
  virtual void copy_to(std::string path, std::function<void(result<void>)> done) = 0;

  // A random 128-bit id (hex) made with the spool; names its ledger row.
  [[nodiscard]] virtual const std::string& id() const = 0;
  // Small durable facts of the owner ("ledger.made" = "1").
  [[nodiscard]] virtual result<std::optional<std::string>> fact(std::string_view key) = 0;
  [[nodiscard]] virtual result<void> set_fact(std::string_view key, std::string_view value) = 0;

  // Flushes what is queued, then refuses further appends.
  virtual void close() = 0;
};

struct sqlite_spool_options {
  std::string path;                               // the database file; its folder must exist
  std::uint64_t max_bytes = 4ULL << 30;           // append() fails with errc::full past it
  std::chrono::seconds max_age{0};                // ... and when a unit has been pending longer; 0: for ever
  std::chrono::seconds retention{24 * 3600};      // how long applied units are kept
  std::uint64_t retention_bytes = 256ULL << 20;   // and how many bytes of them at most
  std::uint64_t queue_bytes = 64ULL << 20;        // of units that wait for their commit; past it errc::full
  std::uint64_t reserve_bytes = 512ULL << 10;     // kept beside the file for settling units on a full disk
  key_ring_ptr data_keys;                         // of what is sealed; null: statements lie in clear
  bool compress = true;                           // units, where it pays
  std::function<std::chrono::microseconds()> now; // time since the epoch; empty for the system's clock
  std::function<std::chrono::microseconds()> awake; // since the machine's boot; empty for the system's clock
  std::string boot;                                 // which boot that is; empty to ask the system
  std::function<std::uint64_t()> free_bytes;        // of the disk that holds the file; empty for the system's
  std::string vfs; // SQLite's name of the file system to use; empty for its default
};

// Opens or makes the spool: WAL, synchronous=FULL (both read back), exclusive to this process, integrity
// checked. errc::wrong_key, and nothing is touched, when a key is missing that a unit needs.
[[nodiscard]] result<std::unique_ptr<spool>> open_sqlite_spool(const sqlite_spool_options& options);

} // namespace holdwater::spool
