// The composition: owns every part, starts them in order, stops them in reverse, and is what the HTTP port
// shows and acts on.
#pragma once

#include "admin/control.hpp"
#include "admin/history.hpp"
#include "proxy/config/load_options.hpp"
#include "proxy/config/options.hpp"

#include "protocol/rsa.hpp"
#include "proxy/cache/read_cache.hpp"
#include "proxy/hook/hooks.hpp"
#include "proxy/insert_ids/insert_ids.hpp"
#include "proxy/listener.hpp"
#include "proxy/net/tls_context.hpp"
#include "proxy/own_writes/own_writes.hpp"
#include "proxy/replicas/replica_list.hpp"
#include "proxy/server/monitor.hpp"
#include "proxy/server/server_profile.hpp"
#include "proxy/server/state_board.hpp"
#include "proxy/session/services.hpp"
#include "proxy/session/worker.hpp"
#include "proxy/spooling/write_queue.hpp"
#include "proxy/successor.hpp"
#include "proxy/warming/warmer.hpp"
#include "spool/replayer.hpp"
#include "spool/spool.hpp"

#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace holdwater::admin {
class server;
}

namespace holdwater::proxy {

struct import_part;
struct import_terms;

// The owner's account is one of those that the proxy knows.
[[nodiscard]] options with_owner(options settings);
// No more clients than there are descriptors for.
void fit_to_descriptors(options& settings, std::uint64_t descriptors);

class program final : public admin::control {
 public:
  // `load_again` reads the configuration anew, from where it came the first time.
  // `command` starts the process that follows at SIGUSR2.
  program(options settings, std::function<load_result()> load_again, start_command command);
  ~program() override;

  // Signals wait until run() hears them, over an exec too: they would end a process that is starting. First
  // of all.
  static void hold_signals();
  // Opens the data directory, the spool and the ports. Returns what is wrong, empty when everything runs.
  [[nodiscard]] std::string start(inherited_sockets& handed);
  // With which the process should end when start() has refused: 2 where only a person can help.
  [[nodiscard]] int exit_code() const { return exit_code_; }
  // Serves until SIGINT or SIGTERM, then stops everything in order. After SIGUSR2 another process is to
  // follow: gives the sockets in which clients wait for it, which are the caller's.
  [[nodiscard]] std::optional<std::vector<named_socket>> run();

  [[nodiscard]] admin::health snapshot() const override;
  [[nodiscard]] std::vector<admin::counter> metrics() const override;
  [[nodiscard]] admin::past look_back(bool by_second, std::uint64_t after) const override;
  [[nodiscard]] admin::session_listing sessions(std::size_t most) const override;
  void list_pending(std::uint64_t after, std::size_t most,
                    std::function<void(admin::spool_listing, std::string)> done) override;
  void list_dead(std::size_t most,
                 std::function<void(std::vector<admin::listed_dead_letter>, std::string)> done) override;
  void sync(std::chrono::milliseconds timeout, completion done) override;
  void reconnect(completion done) override;
  void clear_cache(completion done) override;
  void export_pending(std::uint64_t after, std::size_t most,
                      std::function<void(admin::spool_export, std::string)> done) override;
  void back_up(std::function<void(admin::backup_report, std::string)> done) override;
  void read_backup(std::uint64_t number, std::uint64_t after, std::size_t most,
                   std::function<void(std::string, std::string)> done) override;
  void forget_backup(completion done) override;
  void import_units(bool only_check, std::string bytes,
                    std::function<void(admin::import_report)> done) override;
  [[nodiscard]] std::vector<admin::listed_option> configuration() const override;
  admin::reload_report reload() override;
  void note_refused(const std::string& address, unsigned times) override;
  void retry_dead(std::uint64_t seq, completion done) override;
  void discard_dead(std::uint64_t seq, completion done) override;

 private:
  struct sync_wait;

  [[nodiscard]] std::string choose_backend();
  [[nodiscard]] std::string open_data();
  [[nodiscard]] int invite_inner_client();
  [[nodiscard]] std::string open_spool(const spool::key_ring_ptr& keys);
  void follow_own_writes();
  [[nodiscard]] std::string open_tls();
  [[nodiscard]] std::string take_keys(const options& fresh);
  [[nodiscard]] std::string open_ports(inherited_sockets& handed);
  [[nodiscard]] std::string open_admin();
  void wait_for_signal();
  void restart();
  void take_leave(bool restarts);
  void part();
  [[nodiscard]] bool is_followed(const listener& one) const;
  [[nodiscard]] std::vector<listener*> listeners() const;
  [[nodiscard]] std::string why_no_restart();
  void stop();
  [[nodiscard]] std::string backup_path() const { return settings_.data_dir + "/spool.db.backup"; }
  void remove_backup();
  [[nodiscard]] std::string no_backup_now() const;
  [[nodiscard]] import_terms import_terms_now() const;
  [[nodiscard]] std::optional<admin::import_report> why_not_imported(import_part& part,
                                                                     const import_terms& terms) const;
  void take_import(import_part part, std::function<void(admin::import_report)> done);
  [[nodiscard]] std::string open_hooks();
  [[nodiscard]] spool::replay_observer& observer_of_replay();
  void tell_changes();
  void watch_spool();
  void follow_state(server_view view);
  void tell_ids(server_state state);
  void sample_on();
  [[nodiscard]] admin::reading read_now() const;
  void check_sync(const std::shared_ptr<sync_wait>& one);
  [[nodiscard]] admin::spool_health spool_snapshot(const monitor::snapshot& server) const;
  [[nodiscard]] admin::pool_health pool_snapshot() const;
  [[nodiscard]] traffic::totals traffic_now() const;
  [[nodiscard]] admin::cache_health cache_snapshot() const;
  [[nodiscard]] std::vector<admin::replica_health> replica_snapshots() const;

  int exit_code_ = 1;
  std::uint64_t descriptors_ = 0; // that may be open; 0: not known
  options settings_;
  std::function<load_result()> load_again_;
  start_command command_;
  bool checking_ = false; // whether another may follow
  bool restarts_ = false;
  std::stop_source no_restart_;
  std::optional<std::chrono::steady_clock::time_point> leaving_since_;
  std::chrono::steady_clock::duration next_reminder_{0}; // after that moment
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  asio::io_context main_loop_{1};
  asio::thread_pool slow_work_{1}; // spool reads for the HTTP port; the three below are its own
  std::uint64_t backups_ = 0;
  std::uint64_t backup_ = 0; // the one whose copy is there; 0: none
  bool backing_up_ = false;
  server_list servers_{settings_};
  state_board board_;
  session_counters counters_;
  std::unique_ptr<const tls_context> client_tls_; // null: off
  std::unique_ptr<const tls_context> server_tls_;
  std::unique_ptr<const tls_context> admin_tls_; // null: HTTP in clear text
  std::optional<protocol::rsa_key> password_key_;
  profile_store profile_;
  std::unique_ptr<spool::spool> spool_;
  std::unique_ptr<write_queue> writes_;
  hooks hooks_;
  state_history::change told_;                           // the last change of state that the hooks know
  std::string spool_state_ = "accepting", seen_state_;   // as the hooks were told, and as it was a second ago
  std::unique_ptr<spool::replay_observer> dead_letters_; // null: nobody wants to hear of them
  std::unique_ptr<spool::replayer> replayer_;
  std::unique_ptr<insert_ids> ids_;
  std::unique_ptr<own_writes> own_;        // null: nothing is queued, or cache.own_writes is false
  std::unique_ptr<read_cache> cache_;      // null: cache.enabled is false
  std::unique_ptr<warmer> warmer_;         // null: cache.warm is empty
  std::unique_ptr<replica_list> replicas_; // null: server.replicas is empty
  std::unique_ptr<monitor> monitor_;
  std::optional<services> services_;
  std::vector<std::unique_ptr<worker>> workers_;
  std::unique_ptr<listener> listener_;
  std::unique_ptr<listener> socket_listener_; // when there is a listen_socket
  std::unique_ptr<admin::server> admin_;
  admin::history history_{{duration_histogram::bounds_s.begin(), duration_histogram::bounds_s.end()}};
  asio::steady_timer sampling_{main_loop_};
  asio::steady_timer parting_{main_loop_};
  asio::signal_set signals_{main_loop_};
};

} // namespace holdwater::proxy
