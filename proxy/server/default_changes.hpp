// When the server's globals, which a session takes its own values from at its login, became others than the
// profile had: so that a session knows whether it may trust the profile of its login, or has to ask.
//
// Invariant: values that were taken when the globals were as the profile says are never in doubt for longer
// than it takes to look at the globals once; those that may not have been always are.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace holdwater::proxy {

class default_changes {
 public:
  using moment = std::chrono::steady_clock::time_point;

  // A statement that may set a global was answered. Any thread, as all here.
  void set_seen();
  [[nodiscard]] std::uint64_t sets() const;
  // One was, and the globals were not looked at since.
  [[nodiscard]] bool unlearned() const;

  // The globals were asked at `asked`, with so many sets seen, and are as they were; or are others, which the
  // profile has by now.
  void found_same(std::uint64_t sets, moment asked);
  void found_others(std::uint64_t sets, moment asked);
  // A new connection has told all: of one server, or perhaps of another.
  void learned(moment asked) { found_same(sets(), asked); }

  // Another number when in_doubt() may say something else of values that were taken before. Never 0.
  [[nodiscard]] std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  // Whether values that were taken between these two may be others than the profile said then.
  [[nodiscard]] bool in_doubt(moment from, moment until) const;

 private:
  struct span { // somewhere in between the globals were set
    moment after, until;
  };
  static constexpr std::size_t most_spans = 16; // older ones are told apart no more

  std::atomic<std::uint64_t> version_{1};
  mutable std::mutex mutex_;
  std::uint64_t sets_ = 0, learned_sets_ = 0;
  moment set_at_{}; // the first that is not learned
  moment looked_at_ = std::chrono::steady_clock::now();
  std::vector<span> spans_;
};

} // namespace holdwater::proxy
