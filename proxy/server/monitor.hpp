// The one owner of the server's state. A thread of its own checks the server and reconnects; a second one
// attaches to the ledger and replays; sessions report what they meet. Every change goes through step() under
// one lock.
//
// Invariant: a check never lasts longer than the connection time-out (and the name's resolution), twice that
// where there is another server to look at, so a frozen server is noticed; nothing here runs on a session's
// thread but report() and ask_for_check().
#pragma once

#include "proxy/config/options.hpp"
#include "proxy/server/connection_ids.hpp"
#include "proxy/server/server_list.hpp"
#include "proxy/server/state.hpp"
#include "proxy/server/state_board.hpp"
#include "proxy/server/state_history.hpp"
#include "spool/mysql_connection.hpp"
#include "spool/replayer.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>

namespace holdwater::proxy {

class monitor {
 public:
  struct snapshot {
    server_view view;
    std::chrono::system_clock::time_point since;
    std::string last_error;
    std::uint64_t reconnects = 0;
    std::string spool_refusal;               // why nothing may be spooled (no ledger), empty otherwise
    std::string why;                         // of the present state; empty when all is as it should be
    std::vector<std::string> without_ledger; // accounts whose writes may not be spooled
  };

  // How often it looked at the server, by what came of it, and how often it had to connect anew for that.
  struct effort {
    std::uint64_t passed = 0, not_now = 0, failed = 0, timed_out = 0;
    std::uint64_t connects = 0, connects_failed = 0;
    std::array<double, all_server_states.size()> seconds_in{};
  };

  // Without a replayer (spool.enabled = false) a reachable server is up. `queue` tells what is pending.
  monitor(const options& settings, server_list& servers, state_board& board, spool::replayer* replay,
          spool::spool* queue);
  ~monitor();

  // Called on the watching thread with each new connection, before the server counts as reached. Set before
  // start().
  void on_connected(std::function<void(spool::mysql_connection&)> hook) { on_connected_ = std::move(hook); }

  // Called there too, with the connection of each check that was answered. True: a further connection is
  // opened for `learn`.
  void on_checked(std::function<std::optional<bool>(spool::mysql_connection&)> look,
                  std::function<void(spool::mysql_connection&)> learn) {
    look_ = std::move(look);
    learn_ = std::move(learn);
  }

  void start();
  void stop();
  // Takes the reloadable options of `fresh`, soon. Any thread.
  void reload(const options& fresh);

  // A sign of trouble, with what was met, e.g. "connect: connection refused". Any thread.
  void report(const std::string& what);
  // A connection's id tells that another server answers. It is connected to anew and its ledger looked at
  // before anything else. Any thread.
  void report_another_server(const std::string& what);
  [[nodiscard]] connection_ids& ids() { return ids_; }
  [[nodiscard]] const server_list& servers() const { return servers_; }
  // A statement has waited long for its first byte: look whether the server answers at all. Any thread.
  void ask_for_check();
  // New units wait, and the server may be there to take them. Any thread.
  void ask_for_drain();
  // Tries now; `done` is called on the monitor's thread after the attempt. Any thread.
  void reconnect_now(std::function<void(bool reached, std::string reason)> done);

  [[nodiscard]] snapshot look() const;
  [[nodiscard]] effort efforts() const;
  [[nodiscard]] std::vector<state_history::change> past() const;
  // Why no write of the account may be spooled, empty when it may. Any thread.
  [[nodiscard]] std::string spool_refusal(const std::string& account) const;

 private:
  enum class probe_result : std::uint8_t {
    still_there,
    fresh,
    not_now,
    failed,
    timed_out,
    others_turn, // another of the list takes writes, and has not been moved to yet
  };
  // What replay is to do, the greater in place of the lesser.
  enum class replay_wish : std::uint8_t { none, look_at_accounts, drain, attach_and_drain };
  enum class last_try : std::uint8_t { went_well, spool_failed, stuck };
  void note(probe_result result, bool connects);

  void watch();
  void replay();
  void drop_old_units();
  probe_result probe(std::string& error);
  probe_result probe_present(std::string& error);
  probe_result probe_connection(std::string& error);
  probe_result look_for_another(probe_result present, std::string& error);
  probe_result ask_whether_writable(std::string& error);
  probe_result look_at_globals(probe_result now, std::string& error);
  [[nodiscard]] spool::server_result<std::unique_ptr<spool::mysql_connection>>
  connect_to(std::size_t which) const;
  [[nodiscard]] obstacle look_at_obstacle() const;
  void stop_for_spool(const std::string& why);
  void apply(server_event event, const std::string& why);
  void enter(const server_view& before, const server_step& to, const std::string& why);
  bool attach();
  void drain();
  void look_at_accounts();
  void ask_for_accounts();
  void take_outcome(const spool::replay_report& report);
  void stay_stuck(const std::string& at);
  void note_without_ledger(std::map<std::string, std::string> found);

  options settings_; // written by the watching thread under the lock, so that it may read them without
  std::optional<options> fresh_;
  server_list& servers_;
  std::size_t candidate_ = 0; // which of the others is looked at next
  state_board& board_;
  spool::replayer* replay_;
  spool::spool* queue_;

  mutable std::mutex mutex_;
  std::condition_variable watch_wakes_;
  std::condition_variable replay_wakes_;
  bool stopping_ = false;
  bool check_wanted_ = true;
  bool fresh_connection_wanted_ = false;
  replay_wish wanted_ = replay_wish::none;
  unsigned attempts_ = 0;
  std::chrono::steady_clock::time_point next_check_;
  std::chrono::steady_clock::time_point last_check_;
  std::chrono::steady_clock::time_point suspect_since_;
  std::chrono::system_clock::time_point since_;
  std::string last_error_;
  std::string spool_refusal_;
  last_try last_try_ = last_try::went_well;
  std::string stuck_at_;                                     // of stuck: the unit, and why it is refused
  std::chrono::steady_clock::time_point tried_at_;           // of stuck
  std::chrono::steady_clock::time_point accounts_looked_at_; // those of without_ledger_
  bool attached_ = false;                                    // the replaying thread's alone
  std::map<std::string, std::string> without_ledger_;        // account, why
  bool met_ = false;                                         // the server was reached once
  std::uint64_t reconnects_ = 0;
  state_history history_;
  connection_ids ids_;
  effort efforts_;
  std::vector<std::function<void(bool, std::string)>> reconnect_waiters_;
  std::mt19937_64 random_{std::random_device{}()};

  std::function<void(spool::mysql_connection&)> on_connected_;
  std::function<std::optional<bool>(spool::mysql_connection&)> look_;
  std::function<void(spool::mysql_connection&)> learn_;
  std::unique_ptr<spool::mysql_connection> connection_; // the watching thread's alone
  std::thread watcher_;
  std::thread replayer_;
};

} // namespace holdwater::proxy
