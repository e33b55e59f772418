// Tells a blocking thread to come back, also out of a pause.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace holdwater::spool {

class stop_signal {
 public:
  void stop() { set(true); }
  void restart() { set(false); }
  [[nodiscard]] bool stopped() const {
    const std::lock_guard lock(mutex_);
    return stopped_;
  }
  // False when it was cut short.
  [[nodiscard]] bool pause(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, time, [this] { return stopped_; });
  }

 private:
  void set(bool to) {
    const std::lock_guard lock(mutex_);
    stopped_ = to;
    changed_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
};

} // namespace holdwater::spool
