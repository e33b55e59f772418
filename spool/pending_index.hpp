// What is pending and dead, in memory: counts, the oldest pending unit, and which tables pending units write.
// Not thread-safe; its owner locks.
//
// Invariant: of pending units only sums are kept, so that it does not grow with a backlog; who removes one
// says what it was. bytes() is the sum over all pending and dead units of the file.
#pragma once

#include "spool/unit.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace holdwater::spool {

// The first pending unit.
struct queue_front {
  seq number = 0;
  std::chrono::microseconds accepted_at{0};
};

// Units that are pending no longer.
struct departure {
  std::uint64_t units = 0;
  std::uint64_t bytes = 0;
  std::vector<std::pair<std::vector<table_name>, std::uint64_t>>
      written;                      // tables, and how many units wrote them
  std::optional<queue_front> front; // of those that are left
};

class pending_index {
 public:
  void add_pending(seq number, std::uint64_t bytes, std::chrono::microseconds accepted_at,
                   const std::vector<table_name>& tables);
  void remove_pending(const departure& gone);
  void add_dead(seq number, std::uint64_t bytes);
  void remove_dead(seq number); // when it is there

  [[nodiscard]] bool writes_any(const std::vector<table_name>& tables) const;
  [[nodiscard]] std::uint64_t pending() const { return pending_; }
  [[nodiscard]] std::uint64_t dead() const { return dead_.size(); }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] const std::optional<queue_front>& front() const { return front_; }

 private:
  std::uint64_t pending_ = 0;
  std::optional<queue_front> front_;
  std::map<seq, std::uint64_t> dead_;                      // bytes of each
  std::unordered_map<std::string, std::uint64_t> writers_; // pending units by table
  std::uint64_t bytes_ = 0;
};

} // namespace holdwater::spool
