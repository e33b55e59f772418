// One replica: whether it may be asked, how far it is behind, and what sessions met there. While the server
// is away a thread of its own checks it, over one connection; while the server is there nothing is sent to
// it.
//
// Invariant: `usable` is said only of a replica that has answered within the last second and
// server.replica_timeout; whoever waits for an answer learns from losses() when that is over.
#pragma once

#include "proxy/config/options.hpp"
#include "proxy/config/server_places.hpp"
#include "proxy/replicas/name_lookup.hpp"
#include "spool/mysql_connection.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace holdwater::proxy {

enum class replica_state : std::uint8_t {
  unwatched, // the server is there
  looking,   // not known yet
  usable,    // it answers
  failed,    // it does not, or how old its rows are cannot be known
};
[[nodiscard]] std::string_view name_of(replica_state value);

// What SHOW REPLICA STATUS says, in the words of either server.
struct replication_status {
  bool applier_stopped = false;
  bool receiver_stopped = false; // by a person, or since it cannot go on; not since the source is away
  bool lags_unseen = false;      // it does not know how far it is behind, and has not applied all that it has
  std::optional<std::chrono::seconds>
      behind; // of the source that it is furthest behind; nothing: it does not know
};
[[nodiscard]] replication_status read_replication_status(const spool::query_answer& said);

// Why such a replica is not asked; empty: it may be. How far behind is too far is for the asker to say.
[[nodiscard]] std::string_view why_unfit(const replication_status& status);

// A login's refusal that says nothing of the server: others may come in.
[[nodiscard]] bool is_about_account(const spool::server_error& refusal);

class replica {
 public:
  replica(server_place where, const options& settings);
  ~replica();

  void start();
  void stop();
  void server_is_away(bool away); // any thread

  [[nodiscard]] const server_place& place() const { return place_; }
  struct snapshot {
    replica_state state = replica_state::unwatched;
    std::optional<std::chrono::seconds> behind;
    std::string problem; // what was met last, empty when it answers
    std::uint64_t connections = 0, reads = 0, failures = 0;
  };
  [[nodiscard]] snapshot look() const;
  [[nodiscard]] replica_state state() const;
  [[nodiscard]] std::optional<std::chrono::seconds> behind() const;

  // --- for sessions, on any thread
  // A new connection for that account and database may be tried.
  [[nodiscard]] bool takes(const std::string& user, const std::string& database) const;
  // How often it was lost: an answer that is waited for since before that does not come.
  [[nodiscard]] std::uint64_t losses() const { return losses_.load(std::memory_order_acquire); }
  void not_reached(const std::string& problem); // it is not tried for a while
  void refused(const std::string& user, const std::string& database);
  void reached(); // an account is in
  void answered();
  void failed() { failures_.fetch_add(1, std::memory_order_relaxed); }
  void opened();
  void closed();

 private:
  using clock = std::chrono::steady_clock;
  struct sight {
    bool alive = false;
    std::optional<std::chrono::seconds> behind;
    std::string problem;
  };

  void run();
  [[nodiscard]] bool watched() const { return away_ || connections_ > 0; } // under the lock, as what follows
  [[nodiscard]] sight check();
  [[nodiscard]] sight ask();
  [[nodiscard]] std::chrono::milliseconds note(const sight& seen);

  const server_place place_;
  const spool::server_address address_;
  const spool::credentials who_;
  const std::chrono::milliseconds timeout_;
  const std::chrono::milliseconds longest_pause_;

  name_lookup name_;

  // the thread's alone
  std::unique_ptr<spool::mysql_connection> connection_;
  std::string question_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  bool away_ = false;
  bool check_wanted_ = false;
  bool told_ = false; // that it cannot be asked
  bool used_ = false; // it has answered a read since the log last said otherwise
  replica_state state_ = replica_state::unwatched;
  std::optional<std::chrono::seconds> behind_;
  std::string problem_;
  unsigned checks_failed_ = 0;                        // in a row, as the next one
  unsigned tries_failed_ = 0;                         // of sessions
  clock::time_point not_before_{};                    // no session tries again
  std::map<std::string, clock::time_point> refusals_; // by account and database: until when
  std::uint64_t connections_ = 0;
  std::uint64_t reads_ = 0;
  std::uint64_t reads_before_ = 0; // the present outage
  std::atomic<std::uint64_t> failures_{0};
  std::atomic<std::uint64_t> losses_{0};
  std::thread thread_;
};

} // namespace holdwater::proxy
