// Takes events to one place, in their order, on a thread of its own.
//
// Invariant: tell() never waits. At most `most_waiting` events wait; further ones are dropped, counted, and
// the log says so. An event that could not be delivered in `attempts` is given up, counted and logged.
#pragma once

#include "proxy/hook/event.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

namespace holdwater::proxy {

class event_sender {
 public:
  static constexpr std::size_t most_waiting = 1000;
  static constexpr unsigned attempts = 3;

  // Delivers one; what went wrong, empty when nothing did. Ends early when it is told to.
  using delivery = std::function<std::string(const hook_event&, const std::stop_token&)>;
  // `name` is for the log and the metrics. Before the second attempt it pauses, before the third four times
  // as long.
  event_sender(std::string name, delivery deliver,
               std::chrono::milliseconds pause = std::chrono::milliseconds(1000))
      : name_(std::move(name)), deliver_(std::move(deliver)), pause_(pause) {}
  ~event_sender() { stop(); }
  event_sender(const event_sender&) = delete;
  event_sender& operator=(const event_sender&) = delete;

  void start();
  void stop(); // what waits is not delivered any more

  void tell(const hook_event& what); // from any thread

  struct counts {
    std::uint64_t delivered = 0, failed = 0, dropped = 0, waiting = 0;
  };
  [[nodiscard]] counts count() const;
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  void run(const std::stop_token& end);
  void deliver(const hook_event& what, const std::stop_token& end);
  bool wait(std::chrono::milliseconds pause, const std::stop_token& end); // false: it ends

  std::string name_;
  delivery deliver_;
  std::chrono::milliseconds pause_;
  mutable std::mutex mutex_; // guards the two below
  std::condition_variable_any changed_;
  std::deque<hook_event> waiting_;
  bool dropping_ = false; // the log has said so
  std::atomic<std::uint64_t> delivered_{0}, failed_{0}, dropped_{0};
  std::jthread thread_; // the last one: it ends before what it uses
};

} // namespace holdwater::proxy
