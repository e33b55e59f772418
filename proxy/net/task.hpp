// The coroutine type of everything that runs on a worker. A task begins when it is awaited, on the stack of
// whoever awaits it, and most end before they have to wait, so that awaiting one costs little more than a
// call: no executor, no queue, and a frame that the thread keeps for the next one.
//
// Invariant: a task is awaited at most once. One that waits is resumed by what it waits for (a wakeup), and
// its end resumes the task that awaits it, on the same stack.
#pragma once

#include "proxy/net/frame_store.hpp"

#include <cassert>
#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace holdwater::proxy {

// What all of a worker's coroutines have: frames from the thread's store.
struct stored_frame {
  // Its match is the sized operator delete, which the check does not know.
  // NOLINTNEXTLINE(cert-dcl54-cpp,misc-new-delete-overloads)
  static void* operator new(std::size_t size) { return take_frame(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { give_back_frame(frame, size); }
};

class task_promise : public stored_frame {
 public:
  struct ending {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
      // The waiting task may destroy the ended one, this object with it.
      if (const auto waiting = ended.promise().waiting_) waiting.resume();
    }
    void await_resume() const noexcept {}
  };

  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
  [[nodiscard]] ending final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { thrown_ = std::current_exception(); }
  void resume_at_end(std::coroutine_handle<> waiting) noexcept { waiting_ = waiting; }

 protected:
  void rethrow() const {
    if (thrown_) [[unlikely]]
      std::rethrow_exception(thrown_);
  }

 private:
  std::coroutine_handle<> waiting_; // null while nobody had to wait
  std::exception_ptr thrown_;
};

template <class T>
class task_result : public task_promise {
 public:
  template <class From>
  void return_value(From&& from) {
    value_.emplace(std::forward<From>(from));
  }
  T take() {
    rethrow();
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class task_result<void> : public task_promise {
 public:
  void return_void() const noexcept {}
  void take() const { rethrow(); }
};

template <class T = void>
class [[nodiscard]] task {
 public:
  struct promise_type : task_result<T> {
    task get_return_object() { return task(std::coroutine_handle<promise_type>::from_promise(*this)); }
  };

  task(task&& other) noexcept : frame_(std::exchange(other.frame_, {})) {}
  task& operator=(task&&) = delete;
  ~task() {
    if (frame_) frame_.destroy();
  }

  // For co_await.
  [[nodiscard]] bool await_ready() const {
    assert(frame_ && !frame_.done());
    frame_.resume();
    return frame_.done();
  }
  void await_suspend(std::coroutine_handle<> waiting) const noexcept {
    frame_.promise().resume_at_end(waiting);
  }
  T await_resume() const { return frame_.promise().take(); }

 private:
  explicit task(std::coroutine_handle<promise_type> frame) : frame_(frame) {}

  std::coroutine_handle<promise_type> frame_;
};

// A coroutine of its own: it begins at once, and nobody awaits it. It must let no exception out.
struct detached_task {
  struct promise_type : stored_frame {
    [[nodiscard]] detached_task get_return_object() const noexcept { return {}; }
    [[nodiscard]] std::suspend_never initial_suspend() const noexcept { return {}; }
    [[nodiscard]] std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
  };
};

// Lets `what` begin at once. It must let no exception out.
inline detached_task run_detached(task<> what) {
  co_await what;
}

} // namespace holdwater::proxy
