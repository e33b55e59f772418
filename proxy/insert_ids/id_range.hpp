// Ids that the server generated for us and nobody else: first, first + step, ..., last. A block is one or
// more of them.
//
// Invariant: next <= durable; what lies below `durable` counts as used after a crash.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace holdwater::proxy {

struct id_range {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t step = 1;    // the server's auto_increment_increment when it made them
  std::uint64_t next = 0;    // the lowest one not handed out; past `last` when all are
  std::uint64_t durable = 0; // the disk says: everything below may have been handed out

  [[nodiscard]] static id_range of(std::uint64_t first, std::uint64_t count, std::uint64_t step);
  // What a file says may be anything.
  [[nodiscard]] bool is_sound() const { return step > 0 && first <= last && first <= next; }
  [[nodiscard]] std::uint64_t size() const { return (last - first) / step + 1; }
  [[nodiscard]] std::uint64_t left() const { return next > last ? 0 : (last - next) / step + 1; }

  friend bool operator==(const id_range&, const id_range&) = default;
};

// The ids of one statement: first, first + increment, ... for its rows, all of the same range.
struct id_run {
  std::size_t range = 0; // index of the range
  std::uint64_t first = 0;
  std::uint64_t past = 0; // the range's `next` once the run is taken
};

// Finds the lowest run that the session's increment and offset allow; nothing when no range has one.
[[nodiscard]] std::optional<id_run> find_run(const std::vector<id_range>& ranges, std::uint64_t rows,
                                             std::uint64_t increment, std::uint64_t offset);

// Where the disk's mark must be before a run may be handed out: far enough ahead that most runs cost no
// write.
[[nodiscard]] std::uint64_t mark_for(const id_range& range, const id_run& run);

[[nodiscard]] std::uint64_t ids_left(const std::vector<id_range>& ranges);
// The highest id of the ranges, and the highest that may have been handed out; 0 for none.
[[nodiscard]] std::uint64_t highest_id(const std::vector<id_range>& ranges);
[[nodiscard]] std::uint64_t highest_used(const std::vector<id_range>& ranges);

} // namespace holdwater::proxy
