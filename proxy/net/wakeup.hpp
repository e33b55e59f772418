// One coroutine waits here; anything on its worker may wake it: bytes on either socket, a deadline, a change
// of the server's state, a committed unit. Conditions are kept as plain state beside it, so a spurious
// wake-up is harmless and a loop reads `while (!condition) co_await wake.wait();`.
//
// Invariant: used by one thread; notify() is called from the event loop, never from inside the waiting
// coroutine.
#pragma once

#include "proxy/net/task.hpp"

#include <cassert>
#include <coroutine>
#include <utility>

namespace holdwater::proxy {

class wakeup {
 public:
  wakeup() = default;
  wakeup(const wakeup&) = delete;
  wakeup& operator=(const wakeup&) = delete;

  // Resumes the waiter, or lets the next wait() return at once.
  void notify() {
    if (waiter_)
      std::exchange(waiter_, {}).resume();
    else
      notified_ = true;
  }

  // For co_await.
  class [[nodiscard]] waiting {
   public:
    explicit waiting(wakeup& on) : on_(on) {}
    [[nodiscard]] bool await_ready() const noexcept { return std::exchange(on_.notified_, false); }
    void await_suspend(std::coroutine_handle<> waiter) const noexcept {
      assert(!on_.waiter_);
      on_.waiter_ = waiter;
    }
    void await_resume() const noexcept {}

   private:
    wakeup& on_;
  };
  waiting wait() { return waiting(*this); }

 private:
  std::coroutine_handle<> waiter_;
  bool notified_ = false;
};

} // namespace holdwater::proxy
