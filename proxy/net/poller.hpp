// Readiness of sockets, told once for each change (edge-triggered epoll): a socket is registered when its
// stream begins, and no further call is needed for it however often it waits. Or an io_uring, which tells the
// same, and moves the bytes of plain streams itself (ring.hpp).
//
// Invariant: a target that was forgotten is never called again, also when the kernel had named it already.
// One thread's alone. The source: epoll(7), "Level-triggered and edge-triggered".
#pragma once

#include <boost/system/error_code.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <sys/epoll.h>

namespace holdwater::proxy {

class ring;

// What a socket has become since it was told last.
struct readiness {
  bool readable = false;
  bool writable = false;
  bool ended = false; // the other side has hung up, or it failed: told once, however much is still to be read
};

class poll_target {
 public:
  virtual void on_ready(readiness now) = 0;

 protected:
  ~poll_target() = default;
};

class poller {
 public:
  // Throws boost::system::system_error: the system has no descriptor left, or allows no io_uring.
  explicit poller(bool on_ring = false);
  ~poller();
  poller(const poller&) = delete;
  poller& operator=(const poller&) = delete;

  // Until forget() or the socket's close. `target` null: an event of it only ends wait().
  [[nodiscard]] boost::system::error_code watch(int socket, poll_target* target);
  // Tells once more what it is ready for, at the next wait().
  [[nodiscard]] boost::system::error_code watch_again(int socket, poll_target* target);
  // A listening socket that several pollers watch: one of them is told of a client, again and again until it
  // is accepted. Until unwatch().
  [[nodiscard]] boost::system::error_code watch_shared(int socket, poll_target* target);
  void unwatch(int socket, const poll_target* target);
  // Before the target's end; the socket is closed by its owner, which takes it out of the kernel's list.
  void forget(const poll_target* target);

  // Waits until something is ready, at most `longest` (negative: for ever), and calls the targets.
  void wait(std::chrono::milliseconds longest);

  // Null on epoll.
  [[nodiscard]] ring* operations() const { return ring_.get(); }
  // Ends what is under way, on the thread that waited. Nothing is told any more.
  void finish();

  // For another loop that waits for this one: a descriptor that is readable when wait() has something to
  // tell, while nested. Before that loop waits, nothing may be unsettled.
  [[nodiscard]] int descriptor() const;
  void nest(bool on);
  [[nodiscard]] bool unsettled() const;

 private:
  [[nodiscard]] boost::system::error_code control(int what, int socket, poll_target* target);
  int wait_limit(std::chrono::milliseconds longest);

  std::unique_ptr<ring> ring_;
  int descriptor_ = -1;
  int timer_ = -1; // ends a wait: set once for many, a limit of its own costs each wait more
  std::chrono::steady_clock::time_point timer_due_{};
  bool nested_ = false;
  bool nested_anew_ = false; // what ended before is not told by the descriptor
  std::array<epoll_event, 128> events_{};
  std::size_t begin_ = 0; // of the events that are not told yet
  std::size_t end_ = 0;
};

} // namespace holdwater::proxy
