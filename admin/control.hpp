// What the HTTP port shows and does of one service, as values and named actions. The admin folder knows
// nothing of sockets to the server, sessions or the spool's file: the program hands it a `control` for each
// service, by way of `process`.
//
// Source of the JSON names: the product's interface description in the README.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace holdwater::admin {

// Of those that reads are asked of while the server is away.
struct replica_health {
  std::string address;
  std::string state;                     // unwatched (the server is there), looking, usable, failed
  std::optional<std::uint64_t> behind_s; // null when it does not say
  std::string last_error;
  std::uint64_t connections = 0; // of sessions, now
  std::uint64_t reads = 0;       // that it has answered since the start, as the next one
  std::uint64_t failures = 0;    // that it has not
};

struct database_health {
  std::string state;                           // up, suspect, down, draining, halted
  std::chrono::system_clock::time_point since; // when that state began
  std::string
      last_error; // what the last failed check or session met, with our words in front; empty when none yet
  std::uint64_t reconnects = 0; // how often the server was reached again after an outage
  std::string address;          // host:port
  std::string version;          // the server's greeting version, empty when never met
  bool reads_go_on = false;     // clients' reads go to the server, also while it is `down` for writes
  std::string why{};            // of the present state; empty when all is as it should be
  std::vector<replica_health> replicas{};
};

struct spool_health {
  std::string state;  // accepting, off, refusing
  std::string reason; // why it refuses, empty otherwise
  std::uint64_t pending = 0;
  std::uint64_t dead = 0;
  std::uint64_t bytes = 0;
  std::optional<double> oldest_age_s; // of the oldest pending unit; null when none
  std::uint64_t last_seq = 0;
  std::uint64_t applied_seq = 0;
  std::vector<std::string>
      refused_tables; // AUTO_INCREMENT tables without reserved ids: "schema.table: reason"
  std::vector<std::string> accounts_without_ledger; // whose writes would be refused in an outage
  std::string id;                                   // names its row in the ledger
  std::uint64_t limit_bytes = 0;                    // at which writes are refused
  double accepted_per_s = 0;
  double applied_per_s = 0;
  std::uint64_t peak_pending = 0;    // the most that waited since nothing did
  std::optional<double> drain_eta_s; // while it drains, at the present pace; null when that is not known
};

struct cache_health {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t fills = 0;            // answers that were new or other than before
  std::uint64_t evictions = 0;        // for room
  std::uint64_t too_old = 0;          // of the misses
  std::optional<double> oldest_age_s; // of what is in memory and was not used for longest; null when none
  std::uint64_t disk_entries = 0;
  std::uint64_t disk_bytes = 0;
  std::uint64_t disk_written = 0; // entries since the start
  std::string disk_trouble;       // why nothing is written, empty when it is
  bool enabled = false;
  std::uint64_t warm_reads = 0;    // that are asked ahead
  std::uint64_t warm_askers = 0;   // kinds of connection that they are asked for
  std::uint64_t warm_answered = 0; // since the start, as the next one
  std::uint64_t warm_failed = 0;
  std::optional<double> warm_age_s; // since all were answered to one of them
  std::string warm_trouble;         // what failed last, empty when all is well
  std::string redis_state = "off";  // or up, down: whether the shared tier is there
  std::uint64_t redis_written = 0;  // entries since the start, as the next one
  std::uint64_t redis_found = 0;
  std::uint64_t redis_errors = 0; // connections lost, commands refused, values that are none
  std::string redis_trouble;      // why it is away or takes nothing, empty when all is well
};

// Connections to the server that sessions have, or had and left for the next.
struct pool_health {
  std::uint64_t idle = 0; // now
  std::uint64_t in_use = 0;
  std::uint64_t opened = 0; // since the start, as what follows
  std::uint64_t kept = 0;
  std::uint64_t reused = 0;
  std::vector<std::pair<std::string, std::uint64_t>> closed; // of the kept ones, by reason
};

struct health {
  std::string status; // ok: all is well. degraded: clients are served, something needs attention or waits.
                      // down: writes cannot be taken
  database_health database;
  spool_health spool;
  cache_health cache;
  pool_health pool;
  double uptime_s = 0;
  std::string version;
  bool stopping = false;   // its clients are taking leave; no new one is accepted
  std::string net_backend; // what moves the sessions' bytes: epoll, io_uring
};

struct counter {
  std::string name; // Prometheus name, e.g. holdwater_queries_total
  std::string help; // one sentence
  bool gauge = false;
  struct sample {
    std::vector<std::pair<std::string, std::string>> labels;
    double value = 0;
    std::string suffix{}; // of a histogram: _bucket, _sum, _count
  };
  std::vector<sample> samples;
  bool histogram = false;
};

struct listed_unit {
  std::uint64_t seq = 0;
  std::string account;
  std::string database;
  std::chrono::system_clock::time_point accepted_at;
  std::vector<std::string> statements; // text; bytes that are not UTF-8 are shown as \xNN
  std::vector<std::string> shapes{};   // what may be said of them where values may not be shown
};

struct listed_dead_letter {
  listed_unit unit;
  unsigned error_number = 0;
  std::string sql_state;
  std::string reason;
  std::chrono::system_clock::time_point died_at;
  std::string shown_reason{}; // of the reason, what may be said where values may not be shown
};

struct spool_listing {
  std::vector<listed_unit> units;
  bool truncated = false; // more were pending than asked for
};

struct dead_listing {
  std::vector<listed_dead_letter> units;
  bool truncated = false; // there were more behind them
};

// A change of the server's state.
struct state_change {
  std::chrono::system_clock::time_point at;
  std::string state;
  bool reads_go_on = false;
  std::string why;
};

// What was so at a moment, and what happened since the sample before.
struct sample {
  std::uint64_t number = 0; // from 1
  std::chrono::system_clock::time_point at;
  unsigned state = 0; // 0 up, 1 suspect, 2 down, 3 draining, 4 halted
  std::uint64_t pending = 0, dead = 0, bytes = 0, clients = 0;
  double commands_per_s = 0, refused_per_s = 0, accepted_per_s = 0, applied_per_s = 0, cache_hits_per_s = 0;
  double p50_s = 0, p99_s = 0; // from a command's arrival to its answer
};

struct past {
  std::vector<state_change> states; // the oldest first
  std::vector<sample> samples;
  std::size_t most = 0; // samples that are kept
};

struct listed_session {
  std::uint32_t id = 0;
  std::string account;
  std::string address;
  std::chrono::system_clock::time_point since;
  std::optional<std::uint32_t> server_id; // of its server connection, when it has one
};

struct session_listing {
  std::vector<listed_session> sessions; // the oldest first
  std::size_t total = 0;
};

// Pending units as SQL for a person to read, and to apply by hand.
struct spool_export {
  std::string sql;
  std::uint64_t units = 0;
  std::uint64_t last_seq = 0; // of them
  bool truncated = false;     // more are pending
};

struct backup_report {
  std::uint64_t number = 0;
  std::uint64_t bytes = 0;
};

// Of a part of an import: all of it was taken, or nothing.
struct import_report {
  bool done = false;
  bool allowed = true;                          // false: nobody may, as it is configured
  std::string reason;                           // why not
  std::optional<std::uint64_t> unit, statement; // which one is at fault, where one is: both from 0 on
  std::uint64_t taken = 0;
  std::uint64_t skipped = 0; // were taken before
  std::uint64_t last_seq = 0;
};

struct listed_option {
  std::string name;
  std::string value; // as the configuration file writes it; of a secret only whether it is set
  bool is_default = true;
  bool reloadable = false;
};

struct reload_report {
  bool done = false;
  std::string reason; // why not
  std::vector<std::string> changed;
  std::vector<std::string> needs_restart; // changed in the configuration, and left as they were
};

struct action_report {
  bool done = false;     // what was asked has happened
  std::string reason;    // why not
  std::uint64_t seq = 0; // retry: the new seq
};

// Implemented by a service. snapshot(), metrics(), look_back() and sessions() are cheap, and for the thread
// that serves the port; the others may be called from any thread; completions come back on an unspecified
// thread, exactly once.
class control {
 public:
  using completion = std::function<void(action_report)>;
  virtual ~control() = default;

  [[nodiscard]] virtual health snapshot() const = 0;
  [[nodiscard]] virtual std::vector<counter> metrics() const = 0;

  // Samples after that number, by the second or by the half minute.
  [[nodiscard]] virtual past look_back(bool by_second, std::uint64_t after) const = 0;
  [[nodiscard]] virtual session_listing sessions(std::size_t most) const = 0;

  virtual void list_pending(std::uint64_t after, std::size_t most,
                            std::function<void(spool_listing, std::string error)> done) = 0;
  virtual void list_dead(std::uint64_t after, std::size_t most,
                         std::function<void(dead_listing, std::string error)> done) = 0;

  // Drains now; done when nothing is pending, or after `timeout` with the reason.
  virtual void sync(std::chrono::milliseconds timeout, completion done) = 0;
  // Tries to reach the server now; done when the attempt has ended.
  virtual void reconnect(completion done) = 0;
  // Forgets every cached answer, in memory, on the disk and in the shared Redis.
  virtual void clear_cache(completion done) = 0;
  virtual void export_pending(std::uint64_t after, std::size_t most,
                              std::function<void(spool_export, std::string error)> done) = 0;
  // Makes a copy of the queue, which is kept until the next one is made, or it is forgotten; then its number
  // and its size are told. Its bytes are read piece by piece: with another number they are of another copy.
  virtual void back_up(std::function<void(backup_report, std::string error)> done) = 0;
  virtual void read_backup(std::uint64_t number, std::uint64_t after, std::size_t most,
                           std::function<void(std::string bytes, std::string error)> done) = 0;
  virtual void forget_backup(completion done) = 0;
  // Takes a part of an import (proxy/sql_files/import_part), or says whether it would.
  virtual void import_units(bool only_check, std::string bytes, std::function<void(import_report)> done) = 0;
  [[nodiscard]] virtual std::vector<listed_option> configuration() const = 0;
  virtual void retry_dead(std::uint64_t seq, completion done) = 0;
  virtual void discard_dead(std::uint64_t seq, completion done) = 0;
};

} // namespace holdwater::admin
