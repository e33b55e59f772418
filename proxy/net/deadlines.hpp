// The one helper for deadlines: a worker's coarse clock. Every `tick` it wakes the coroutines whose deadline
// has passed; setting and clearing one costs a list operation and no system call, so that every query can
// have one. The clock itself is read once for each turn of the event loop, whoever asks.
//
// Invariant: a deadline is in at most one list, and leaves it when it fires, is cleared or is destroyed.
#pragma once

#include "proxy/net/wakeup.hpp"

#include <boost/intrusive/list.hpp>

#include <chrono>

namespace holdwater::proxy {

using steady_time = std::chrono::steady_clock::time_point;

class deadline
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  explicit deadline(wakeup& owner) : owner_(&owner) {}

  [[nodiscard]] bool set() const { return is_linked(); }
  // True from the moment it fired until it is set anew or cleared.
  [[nodiscard]] bool expired() const { return expired_; }
  void clear() {
    unlink();
    expired_ = false;
  }

 private:
  friend class deadline_list;
  wakeup* owner_;
  steady_time when_{};
  bool expired_ = false;
};

class deadline_list {
 public:
  static constexpr std::chrono::milliseconds tick{100};

  void set(deadline& one, std::chrono::milliseconds from_now);

  // The time of the loop's present turn: as it was when somebody first asked since the last wait.
  [[nodiscard]] steady_time now();

  // The event loop's, before each of its waits: at a tick, wakes the owners of what has passed. Returns the
  // time until the next tick; negative when nothing is waited for.
  std::chrono::milliseconds fire_due();

 private:
  void fire(steady_time now);

  boost::intrusive::list<deadline, boost::intrusive::constant_time_size<false>> waiting_;
  steady_time next_tick_{}; // meaningful while something waits
  steady_time turn_{};      // the present turn's time; zero when it was not asked for
};

} // namespace holdwater::proxy
