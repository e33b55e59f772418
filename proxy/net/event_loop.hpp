// A worker's event loop. It waits in one place: in the poller, which knows the sessions' sockets, with the
// coarse clock's next tick as the limit. Asio keeps the posted work; its own reactor is asked only while
// something of Asio's is under way (a name's resolution, a connect), since each of its waits costs a system
// call more.
//
// Invariant: posted work is run before the loop waits again; what was posted from another thread ends the
// wait.
#pragma once

#include "proxy/net/deadlines.hpp"
#include "proxy/net/poller.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <thread>
#include <utility>

namespace holdwater::proxy {

namespace asio = boost::asio;

class event_loop {
 public:
  explicit event_loop(bool on_ring = false); // see poller
  ~event_loop();
  event_loop(const event_loop&) = delete;
  event_loop& operator=(const event_loop&) = delete;

  // Runs until stop(). One thread.
  void run();
  // On the loop's thread.
  void stop() { stopped_ = true; }

  // Runs `what` on the loop's thread, soon. Any thread.
  template <class Work>
  void post(Work&& what) {
    asio::post(asio_, std::forward<Work>(what));
    is_here() ? expect_work() : interrupt();
  }

  // Whether the caller is on the loop's thread.
  [[nodiscard]] bool is_here() const {
    return thread_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

  [[nodiscard]] asio::io_context& context() { return asio_; }
  [[nodiscard]] poller& sockets() { return sockets_; }
  [[nodiscard]] deadline_list& deadlines() { return deadlines_; }

  // While one of these lives, Asio's own sockets, timers and resolvers make progress.
  class asio_user {
   public:
    explicit asio_user(event_loop& loop) : loop_(loop) { ++loop_.asio_users_; }
    ~asio_user() {
      --loop_.asio_users_;
      loop_.expect_work(); // what was cancelled last still wants to be told
    }
    asio_user(const asio_user&) = delete;
    asio_user& operator=(const asio_user&) = delete;

   private:
    event_loop& loop_;
  };

 private:
  // On the loop's thread.
  void expect_work() { posted_.store(true, std::memory_order_release); }
  void interrupt();
  void run_with_asio(std::chrono::milliseconds longest);

  asio::io_context asio_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  poller sockets_;
  deadline_list deadlines_;
  std::atomic<std::thread::id> thread_{}; // that runs it
  int interrupter_;                       // an eventfd
  std::atomic<bool> posted_{false};       // something may wait in asio_
  asio::posix::stream_descriptor nested_; // the poller, as Asio sees it
  bool nested_armed_ = false;
  unsigned asio_users_ = 0;
  bool stopped_ = false;
};

} // namespace holdwater::proxy
