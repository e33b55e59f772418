// One service: where clients connect, who they are, the server behind it, and what is queued and kept for it.
// Owns every part, starts them in order, stops them in reverse, and is what the HTTP port shows and acts on.
#pragma once

#include "admin/control.hpp"
#include "admin/history.hpp"
#include "proxy/config/load_options.hpp"

#include "protocol/rsa.hpp"
#include "proxy/cache/read_cache.hpp"
#include "proxy/hook/hooks.hpp"
#include "proxy/insert_ids/insert_ids.hpp"
#include "proxy/listener.hpp"
#include "proxy/net/tls_context.hpp"
#include "proxy/own_writes/own_writes.hpp"
#include "proxy/replicas/replica_list.hpp"
#include "proxy/server/learn.hpp"
#include "proxy/server/monitor.hpp"
#include "proxy/server/server_profile.hpp"
#include "proxy/server/state_board.hpp"
#include "proxy/session/services.hpp"
#include "proxy/session/worker.hpp"
#include "proxy/spooling/write_queue.hpp"
#include "proxy/warming/warmer.hpp"
#include "spool/replayer.hpp"
#include "spool/spool.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace holdwater::proxy {

struct import_part;
struct import_terms;

class service final : public admin::control {
 public:
  // Its main thread is the one that runs `main_loop`. `tell` is called with each change of the server's
  // state, on whatever thread makes it.
  service(std::string name, options settings, asio::io_context& main_loop,
          std::function<void(server_view)> tell);
  ~service() override;

  [[nodiscard]] const std::string& name() const { return name_; } // empty: the process is this one service
  [[nodiscard]] const options& settings() const { return settings_; }

  // Each step returns what is wrong, empty when nothing is; all of them before start().
  [[nodiscard]] std::string open_data();
  [[nodiscard]] std::string open_tls();
  [[nodiscard]] std::string open_hooks();
  void prepare(); // what serves, which does not yet run
  // What was handed over and listens where this one is to; then where it listens not yet.
  [[nodiscard]] std::string claim_ports(inherited_sockets& handed);
  [[nodiscard]] std::string open_ports();
  // With which the process should end when one of them has refused: 2 where only a person can help.
  [[nodiscard]] int exit_code() const { return exit_code_; }
  void start();
  void sample_on(); // from now on, each second

  // It ends: no further client, and those that are there go by and by, each time that they are reminded.
  void take_leave(const std::function<bool(const listener&)>& is_followed);
  void remind(leave_taking how);
  [[nodiscard]] std::size_t clients() const; // still there; one more while the listeners close
  // In order, and for good.
  void stop();

  [[nodiscard]] std::vector<listener*> listeners() const;
  // For people: HOST:PORT, and the unix socket's path.
  [[nodiscard]] std::vector<std::string> places() const;
  [[nodiscard]] server_view view() const { return board_.view(); }

  // Why use_keys() would refuse them, or nothing. Changes nothing.
  [[nodiscard]] std::string why_not_keys(const options& fresh);
  // What needs a key that is not given any more refuses all of them.
  [[nodiscard]] std::string use_keys(const options& fresh);
  void take(const options& fresh); // what may change while it runs

  [[nodiscard]] admin::health snapshot() const override;
  [[nodiscard]] std::vector<admin::counter> metrics() const override;
  [[nodiscard]] admin::past look_back(bool by_second, std::uint64_t after) const override;
  [[nodiscard]] admin::session_listing sessions(std::size_t most) const override;
  void list_pending(std::uint64_t after, std::size_t most,
                    std::function<void(admin::spool_listing, std::string)> done) override;
  void list_dead(std::uint64_t after, std::size_t most,
                 std::function<void(admin::dead_listing, std::string)> done) override;
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
  void retry_dead(std::uint64_t seq, completion done) override;
  void discard_dead(std::uint64_t seq, completion done) override;

 private:
  struct sync_wait;

  [[nodiscard]] int invite_inner_client();
  [[nodiscard]] std::string open_spool(const spool::key_ring_ptr& keys);
  void follow_own_writes();
  [[nodiscard]] std::string backup_path() const { return settings_.data_dir + "/spool.db.backup"; }
  void remove_backup();
  [[nodiscard]] std::string no_backup_now() const;
  [[nodiscard]] import_terms import_terms_now() const;
  [[nodiscard]] std::optional<admin::import_report> why_not_imported(import_part& part,
                                                                     const import_terms& terms) const;
  void take_import(import_part part, std::function<void(admin::import_report)> done);
  [[nodiscard]] spool::replay_observer& observer_of_replay();
  void tell_changes();
  void watch_spool();
  void follow_state(server_view view);
  void tell_ids(server_state state);
  [[nodiscard]] admin::reading read_now() const;
  void check_sync(const std::shared_ptr<sync_wait>& one);
  [[nodiscard]] admin::spool_health spool_snapshot(const monitor::snapshot& server) const;
  [[nodiscard]] admin::pool_health pool_snapshot() const;
  [[nodiscard]] traffic::totals traffic_now() const;
  [[nodiscard]] admin::cache_health cache_snapshot() const;
  [[nodiscard]] std::vector<admin::replica_health> replica_snapshots() const;

  const std::string name_; // the first: threads log under it until they end
  options settings_;
  asio::io_context& main_loop_;
  std::function<void(server_view)> tell_;
  int exit_code_ = 1;
  bool leaving_ = false;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  asio::thread_pool slow_work_{1}; // spool reads for the HTTP port; the three below are its own
  std::uint64_t backups_ = 0;
  std::uint64_t backup_ = 0; // the one whose copy is there; 0: none
  bool backing_up_ = false;
  server_list servers_{settings_};
  state_board board_;
  session_counters counters_;
  std::unique_ptr<const tls_context> client_tls_; // null: off
  std::unique_ptr<const tls_context> server_tls_;
  std::optional<protocol::rsa_key> password_key_;
  profile_store profile_;
  globals_watch globals_{profile_};
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
  admin::history history_{{duration_histogram::bounds_s.begin(), duration_histogram::bounds_s.end()}};
  asio::steady_timer sampling_{main_loop_};
};

} // namespace holdwater::proxy
