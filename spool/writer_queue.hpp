// What waits for the writer thread, between the threads that ask and the one that writes.
//
// Invariant: bytes() is the sum of the waiting and taken units that are not committed yet; it is at most the
// limit, or belongs to one unit alone.
#pragma once

#include "spool/store.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

namespace holdwater::spool {

// One change of the file. Changes that wait together share a transaction and its sync.
struct write_job {
  std::function<result<void>(store&)> work;                // inside the transaction
  std::function<void(store&)> publish;                     // after the commit: what others see in memory
  std::function<void(const std::optional<failure>&)> done; // after that, or after it failed
  std::uint64_t bytes = 0;                                 // of an append, for the limit
  bool is_append = false;
};
using read_job = std::function<void(store&)>;

struct writer_work {
  std::vector<write_job> writes;
  std::vector<read_job> reads;
  bool closing = false;
};

class writer_queue {
 public:
  // False after close().
  [[nodiscard]] bool push(write_job job);
  [[nodiscard]] bool push(read_job job);
  void close();

  // Everything that waits; blocks until there is something, or (when given) for a time.
  [[nodiscard]] writer_work take(std::optional<std::chrono::milliseconds> at_most);
  void release(std::uint64_t bytes);
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  [[nodiscard]] bool has_work() const { return closing_ || !writes_.empty() || !reads_.empty(); }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<write_job> writes_;
  std::vector<read_job> reads_;
  std::uint64_t bytes_ = 0;
  bool closing_ = false;
};

} // namespace holdwater::spool
