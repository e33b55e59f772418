// The thread that talks to the server for the book: reads the catalogue, reserves blocks, looks after them.
//
// It connects when the server is up and there is work, closes the connection when idle, and leaves a server
// that is away alone.
#pragma once

#include "proxy/insert_ids/id_book.hpp"
#include "spool/mysql_connection.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace holdwater::proxy {

struct keeper_pace {
  std::chrono::milliseconds refresh{60000}; // a changed definition is noticed within this time
  std::chrono::milliseconds glance{1000};   // a table that came or went is noticed within this time
  std::chrono::milliseconds retry{10000};   // between attempts to reach a server that is said to be up;
                                            // while the blocks are in doubt, as often as a glance
  std::chrono::milliseconds idle{10000};    // an unused connection is closed after this
};

class id_keeper {
 public:
  using connect_function = std::function<spool::server_result<std::unique_ptr<spool::mysql_connection>>()>;

  id_keeper(id_book& book, std::string schema, connect_function connect, keeper_pace pace = {});
  ~id_keeper();
  id_keeper(const id_keeper&) = delete;
  id_keeper& operator=(const id_keeper&) = delete;

  void start();
  void stop();
  void server_is_up();
  void server_is_away();
  void look();           // the book has work
  void schema_changed(); // definitions have changed: read them anew now

 private:
  using clock = std::chrono::steady_clock;
  using lock = std::unique_lock<std::mutex>;

  void run();
  void rest(lock& held);
  [[nodiscard]] clock::time_point next_work() const;
  [[nodiscard]] bool leave() const;
  void round();
  [[nodiscard]] spool::server_result<void> work();
  [[nodiscard]] spool::server_result<void> ensure_connected();
  [[nodiscard]] spool::server_result<void> glance();
  [[nodiscard]] spool::server_result<void> refresh();
  [[nodiscard]] spool::server_result<void> check_unused();
  [[nodiscard]] spool::server_result<void> look_up(const std::vector<spool::table_name>& names);
  [[nodiscard]] spool::server_result<void> fill(const spool::table_name& name);

  id_book& book_;
  const std::string schema_;
  const connect_function connect_;
  const keeper_pace pace_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool up_ = false;
  bool stopping_ = false;
  bool look_ = false;        // new work since the last round began
  bool refresh_now_ = false; // the server is newly up, or definitions have changed

  // The thread's own.
  std::unique_ptr<spool::mysql_connection> connection_;
  std::uint64_t coming_ = 0; // of the server: no connection is older
  std::uint64_t increment_ = 1;
  clock::time_point refresh_at_{};
  clock::time_point glance_at_{};
  std::vector<std::string> names_; // of the schema's tables at the last glance
  clock::time_point not_before_{}; // after a failed attempt
  clock::time_point used_at_{};
  std::string last_trouble_;
  std::thread thread_;
};

} // namespace holdwater::proxy
