// How many answers a worker may copy into the cache: so many a second, and as many more as it left unused in
// the last second. Where nearly every query is one that never comes again, the copies would cost more than
// all else and push out what does come again. A worker's own.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace holdwater::proxy {

class fill_budget {
 public:
  // Whether one more may be copied now; it counts as copied then. `rate` 0: no bound. The clock is anything
  // that does not go back.
  [[nodiscard]] bool take(std::chrono::microseconds now, std::uint64_t rate) {
    constexpr std::chrono::nanoseconds second = std::chrono::seconds(1);
    if (rate == 0) return true;
    if (next_ > now) return false;
    next_ =
        std::max<std::chrono::nanoseconds>(next_, now - second) + second / static_cast<std::int64_t>(rate);
    return true;
  }

 private:
  std::chrono::nanoseconds next_{0}; // from when on another one is allowed
};

} // namespace holdwater::proxy
