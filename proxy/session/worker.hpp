// A thread that serves sessions: its event loop, its coarse clock, its sessions, and what they share without
// locks.
#pragma once

#include "protocol/packet.hpp"
#include "protocol/sql/analysis.hpp"
#include "proxy/cache/fill_budget.hpp"
#include "proxy/net/event_loop.hpp"
#include "proxy/net/stream_socket.hpp"
#include "proxy/session/recent_shapes.hpp"
#include "proxy/session/services.hpp"
#include "proxy/session/traffic.hpp"

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

namespace holdwater::proxy {

class known_reads;
class server_pool;
class session;

// How the sessions part from their clients, at an end that is not in a hurry.
enum class leave_taking : std::uint8_t {
  none,
  silent, // who has asked nothing for a second ends, unless within a transaction
  all,    // the others too, with an answer to their next command, and who has not logged in yet
};

class worker {
 public:
  explicit worker(services& process);
  ~worker();

  void start();
  // Sessions end by and by; to be said again now and then. Any thread.
  void take_leave(leave_taking how);
  // Ends every session and the thread.
  void stop();

  // Takes over an accepted connection; `accepted` as transport has it. Any thread.
  void adopt(stream_socket::native_handle_type socket, std::optional<bool> accepted = {});
  // The same of one that a client of our own has the other end of.
  void adopt_inner(stream_socket::native_handle_type socket);
  // Meets the server once, so that its greeting is known. Any thread.
  void learn_greeting();
  // Takes these settings from now on, soon. Any thread.
  void reload(const options& fresh);
  [[nodiscard]] std::size_t sessions() const { return count_.load(std::memory_order_relaxed); }
  // What its sessions did. Written on its thread alone; read on any.
  [[nodiscard]] const traffic& counted() const { return traffic_; }

  // --- for the sessions of this worker, on its thread
  [[nodiscard]] services& process() { return *process_; }
  [[nodiscard]] event_loop& loop() { return loop_; }
  [[nodiscard]] deadline_list& deadlines() { return loop_.deadlines(); }
  [[nodiscard]] server_pool& pool() { return *pool_; }
  [[nodiscard]] leave_taking leaving() const { return leaving_; }
  [[nodiscard]] bool shares_links() const { return shares_links_; } // pool.mode = transaction
  [[nodiscard]] traffic& counts() { return traffic_; }
  // Closes every worker's idle server connections, soon. False when there are none.
  bool shed_pools();
  // Runs a coroutine that is nobody's; it must end soon when the worker stops.
  void run(task<> what);
  // Shared by all: valid until the next suspension point.
  [[nodiscard]] protocol::sql::analysis& analysis() { return analysis_; }

  // To build a cached answer and its key in; as analysis().
  struct cache_scratch {
    std::string key;
    protocol::byte_buffer answer;
    std::string context; // what a key stands for besides the question
  };
  [[nodiscard]] cache_scratch& scratch() { return scratch_; }
  [[nodiscard]] recent_shapes& shapes() { return shapes_; }
  // The time since boot, as of this turn of the loop; after the machine has slept, it may be behind for a
  // second.
  [[nodiscard]] std::chrono::microseconds since_boot();
  // One more answer may be copied into the cache; it counts as copied.
  [[nodiscard]] bool may_fill() { return fills_.take(since_boot(), settings_.cache.fill_rate); }
  [[nodiscard]] known_reads& reads() { return *reads_; }

  // Wakes `one` at the next change of the server's state, unless it is taken back before.
  void wait_for_state(wakeup& one) { state_waiters_.insert(&one); }
  void forget_state(wakeup& one) { state_waiters_.erase(&one); }

 private:
  // Runs a coroutine, soon, and `ended` after it.
  void spawn(task<> what, std::function<void()> ended);
  detached_task run_to_end(task<> what, std::function<void()> ended);
  void begin(stream_socket::native_handle_type socket, std::optional<bool> accepted, bool inner);
  void wake_state_waiters();
  void stop_when_done();

  options settings_; // its own: what may be reloaded changes on its thread alone
  services& shared_;
  std::optional<services> process_; // shared_ with those settings, from start() on
  event_loop loop_;
  protocol::sql::analysis analysis_;
  traffic traffic_;
  cache_scratch scratch_;
  recent_shapes shapes_;
  std::chrono::microseconds asleep_{0}; // by how much the boot's clock is ahead of the steady one
  steady_time next_look_{};             // at that
  fill_budget fills_;
  const bool shares_links_;
  std::unique_ptr<known_reads> reads_;
  std::unique_ptr<server_pool> pool_;
  std::unordered_set<wakeup*> state_waiters_;
  std::unordered_set<std::shared_ptr<session>> sessions_;
  std::size_t running_ = 0; // coroutines
  leave_taking leaving_ = leave_taking::none;
  bool stopping_ = false;
  std::atomic<std::size_t> count_{0};
  std::thread thread_;
};

} // namespace holdwater::proxy
