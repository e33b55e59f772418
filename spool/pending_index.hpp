// What is pending and dead, in memory: counts, the oldest pending unit, and which tables pending units write.
// Not thread-safe; its owner locks.
//
// Invariant: holds one entry for each pending and each dead unit of the file; bytes() is their sum.
#pragma once

#include "spool/unit.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace holdwater::spool {

class pending_index {
 public:
  void add_pending(seq number, std::uint64_t bytes, std::chrono::microseconds accepted_at,
                   const std::vector<table_name>& tables);
  void add_dead(seq number, std::uint64_t bytes);
  void remove_pending(seq from, seq to);
  void remove(seq number); // pending or dead, when it is there
  void move_to_dead(seq number, std::uint64_t bytes);

  [[nodiscard]] bool writes_any(const std::vector<table_name>& tables) const;
  [[nodiscard]] std::uint64_t pending() const { return pending_.size(); }
  [[nodiscard]] std::uint64_t dead() const { return dead_.size(); }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::optional<seq> first_pending() const;
  [[nodiscard]] std::optional<std::chrono::microseconds> oldest_pending() const;

 private:
  struct entry {
    std::uint64_t bytes;
    std::chrono::microseconds accepted_at;
    std::vector<std::string> keys;
  };
  using entries = std::map<seq, entry>;
  entries::iterator erase(entries::iterator which);

  entries pending_;
  std::map<seq, std::uint64_t> dead_;                    // bytes of each
  std::unordered_map<std::string, std::size_t> writers_; // pending units by table
  std::uint64_t bytes_ = 0;
};

} // namespace holdwater::spool
