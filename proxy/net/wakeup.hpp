// One coroutine waits here; anything on its worker may wake it: bytes on either socket, a deadline, a change
// of the server's state, a committed unit. Conditions are kept as plain state beside it, so a spurious
// wake-up is harmless and a loop reads `while (!condition) co_await wake.wait();`.
//
// Invariant: used by one thread; notify() is called from the event loop, never from inside the waiting
// coroutine.
#pragma once

#include "proxy/net/task.hpp"

#include <optional>
#include <utility>

namespace holdwater::proxy {

class wakeup {
 public:
  wakeup() = default;
  wakeup(const wakeup&) = delete;
  wakeup& operator=(const wakeup&) = delete;

  // Resumes the waiter, or lets the next wait() return at once.
  void notify() {
    if (!waiter_) {
      notified_ = true;
      return;
    }
    auto resume = std::move(*waiter_);
    waiter_.reset();
    std::move(resume)();
  }

  task<> wait() {
    if (std::exchange(notified_, false)) co_return;
    co_await asio::async_initiate<const asio::use_awaitable_t<loop_executor>, void()>(
        [this](auto resume) { waiter_.emplace(std::move(resume)); }, use_task);
  }

 private:
  using handler = asio::async_result<asio::use_awaitable_t<loop_executor>, void()>::handler_type;

  std::optional<handler> waiter_;
  bool notified_ = false;
};

} // namespace holdwater::proxy
