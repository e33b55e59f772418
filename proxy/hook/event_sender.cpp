#include "proxy/hook/event_sender.hpp"

#include "proxy/log_scope.hpp"

#include <spdlog/spdlog.h>

#include <utility>

namespace holdwater::proxy {

void event_sender::start() {
  thread_ = std::jthread(in_log_scope([this](const std::stop_token& end) { run(end); }));
}

void event_sender::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void event_sender::tell(const hook_event& what) {
  const std::lock_guard lock(mutex_);
  if (waiting_.size() >= most_waiting) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    if (!std::exchange(dropping_, true))
      spdlog::warn("{}: {} events wait already; further ones are dropped", name_, most_waiting);
    return;
  }
  waiting_.push_back(what);
  changed_.notify_one();
}

event_sender::counts event_sender::count() const {
  const std::lock_guard lock(mutex_);
  return {delivered_.load(std::memory_order_relaxed), failed_.load(std::memory_order_relaxed),
          dropped_.load(std::memory_order_relaxed), waiting_.size()};
}

void event_sender::run(const std::stop_token& end) {
  while (true) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, end, [this] { return !waiting_.empty(); })) return;
    const auto next = std::move(waiting_.front());
    waiting_.pop_front();
    if (waiting_.size() < most_waiting / 2) dropping_ = false;
    lock.unlock();
    deliver(next, end);
    if (end.stop_requested()) return;
  }
}

void event_sender::deliver(const hook_event& what, const std::stop_token& end) {
  auto pause = pause_;
  for (unsigned attempt = 1;; ++attempt) {
    const auto wrong = deliver_(what, end);
    if (wrong.empty()) {
      delivered_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    if (end.stop_requested()) return;
    if (attempt == attempts) {
      failed_.fetch_add(1, std::memory_order_relaxed);
      spdlog::error("{}: the event {} was not delivered in {} attempts: {}", name_, what.kind(), attempts,
                    wrong);
      return;
    }
    spdlog::warn("{}: the event {} was not delivered, and will be tried again: {}", name_, what.kind(),
                 wrong);
    if (!wait(pause, end)) return;
    pause *= 4;
  }
}

bool event_sender::wait(std::chrono::milliseconds pause, const std::stop_token& end) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, end, pause, [] { return false; });
  return !end.stop_requested();
}

} // namespace holdwater::proxy
