// The time by which settled units are kept for the retention. The wall clock may be set while the program
// runs, forwards or back; then units would be dropped before their time. So it is a boot_clock.
//
// Invariant: within a boot it moves as real time does, across restarts of the program too; at a new boot it
// is not behind the newest unit that was settled. What passes while the machine is off only the wall clock
// can tell.
//
// It is kept as the fact "clock".
#pragma once

#include "spool/store.hpp"

#include <chrono>
#include <functional>
#include <string>

namespace holdwater::spool {

class settling_clock {
 public:
  // Reads only, so that a full disk is no hindrance.
  [[nodiscard]] result<void> start(store& file, const sqlite_spool_options& options);
  [[nodiscard]] std::chrono::microseconds now() const { return distance_ + awake_(); }

  // In the transaction that settles units by it: writes the fact, until was_kept() says that it was
  // committed.
  [[nodiscard]] result<void> keep(store& file) const;
  void was_kept() { kept_ = true; }

 private:
  std::function<std::chrono::microseconds()> awake_;
  std::chrono::microseconds distance_{0};
  std::string boot_;
  bool kept_ = false;
};

} // namespace holdwater::spool
