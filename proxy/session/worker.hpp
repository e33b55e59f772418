// A thread that serves sessions: its event loop, its coarse clock, its sessions, and what they share without
// locks.
#pragma once

#include "protocol/sql/analysis.hpp"
#include "proxy/net/deadlines.hpp"
#include "proxy/net/stream_socket.hpp"
#include "proxy/net/task.hpp"
#include "proxy/session/services.hpp"

#include <boost/asio/executor_work_guard.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <unordered_set>
#include <vector>

namespace holdwater::proxy {

class session;

class worker {
 public:
  explicit worker(services& process);
  ~worker();

  void start();
  // Ends every session and the thread.
  void stop();

  // Takes over an accepted connection of that protocol. Any thread.
  void adopt(stream_socket::native_handle_type socket, stream_protocol kind);
  [[nodiscard]] std::size_t sessions() const { return count_.load(std::memory_order_relaxed); }

  // --- for the sessions of this worker, on its thread
  [[nodiscard]] services& process() { return process_; }
  [[nodiscard]] asio::io_context& loop() { return loop_; }
  [[nodiscard]] deadline_list& deadlines() { return deadlines_; }
  // Shared by all: valid until the next suspension point.
  [[nodiscard]] protocol::sql::analysis& analysis() { return analysis_; }

  // Wakes `one` at the next change of the server's state, unless it is taken back before.
  void wait_for_state(wakeup& one) { state_waiters_.insert(&one); }
  void forget_state(wakeup& one) { state_waiters_.erase(&one); }

 private:
  void begin(stream_socket socket);
  void wake_state_waiters();

  services& process_;
  asio::io_context loop_{1};
  asio::executor_work_guard<loop_executor> work_;
  deadline_list deadlines_;
  protocol::sql::analysis analysis_;
  std::unordered_set<wakeup*> state_waiters_;
  std::unordered_set<std::shared_ptr<session>> sessions_;
  std::atomic<std::size_t> count_{0};
  std::thread thread_;
};

} // namespace holdwater::proxy
