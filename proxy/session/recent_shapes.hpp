// Which reads were looked at a moment ago for their shape (own_reads), so that a read that comes again and
// again, for one row and another, is not taken apart each time. A worker's own.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace holdwater::proxy {

class recent_shapes {
 public:
  // `mark`: what is asked, by whom, without the row; never 0. `age`: of what is known of the tables: a look
  // of another one does not count.
  [[nodiscard]] bool holds(std::uint64_t mark, std::uint64_t age, std::chrono::microseconds now) const {
    const auto& one = all_[mark % all_.size()];
    return one.mark == mark && one.age == age && now - one.at < lasts;
  }
  void note(std::uint64_t mark, std::uint64_t age, std::chrono::microseconds now) {
    all_[mark % all_.size()] = {mark, age, now};
  }
  void clear() { all_ = {}; }

 private:
  static constexpr std::chrono::seconds lasts{10};
  struct look {
    std::uint64_t mark = 0;
    std::uint64_t age = 0;
    std::chrono::microseconds at{0};
  };
  std::array<look, 256> all_{};
};

} // namespace holdwater::proxy
