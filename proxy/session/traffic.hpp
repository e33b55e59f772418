// What the sessions of one worker did, and how long it took.
//
// Invariant: one thread writes, and any thread reads, so that counting is a load, an addition and a store: no
// locked instruction, and no cache line that workers share. A reader may see one count ahead of another.
#pragma once

#include "protocol/sql/analysis.hpp"
#include "proxy/session/decide.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace holdwater::proxy {

// A counter that only its thread moves.
class own_count {
 public:
  void add(std::uint64_t more = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// How often something took how long.
class duration_histogram {
 public:
  static constexpr std::array<double, 16> bounds_s{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                                   0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10};
  // Sums over histograms of several workers.
  struct reading {
    std::array<std::uint64_t, bounds_s.size() + 1> counts{}; // the last one: longer than all bounds
    double sum_s = 0;

    [[nodiscard]] std::uint64_t total() const;
    // The bound below which that share of what came since `before` lies; 0 when nothing came.
    [[nodiscard]] double quantile_since(const reading& before, double share) const;
  };

  void add(std::chrono::nanoseconds took);
  void read(reading& into) const;

 private:
  std::array<own_count, bounds_s.size() + 1> counts_{};
  own_count sum_ns_;
};

// What a command is, coarsely.
enum class command_kind : std::uint8_t {
  select,
  show,
  insert,
  replace,
  update,
  erase,
  set,
  transaction, // BEGIN, COMMIT, savepoints
  ddl,
  prepare,
  execute,
  other,
};
inline constexpr std::array<std::string_view, 12> command_kind_names{
    "select", "show",        "insert", "replace", "update",  "delete",
    "set",    "transaction", "ddl",    "prepare", "execute", "other"};
[[nodiscard]] command_kind kind_of(const command_facts& facts);

// What became of it, coarsely.
enum class command_course : std::uint8_t {
  forward, // the server has answered it
  queue,   // it went to the spool
  collect, // it belongs to a transaction that is kept here until its COMMIT
  local,   // Holdwater has answered it
  cache,   // ... with what the server has answered before
  replica, // a replica has
  refuse,  // ... with an error
};
inline constexpr std::array<std::string_view, 7> command_course_names{
    "forward", "queue", "collect", "local", "cache", "replica", "refuse"};
[[nodiscard]] command_course course_of(action what);

// Those whose times are told apart.
enum class duration_class : std::uint8_t { read, write, other };
inline constexpr std::array<std::string_view, 3> duration_class_names{"read", "write", "other"};
[[nodiscard]] duration_class class_of(command_kind kind);

class traffic {
 public:
  void command(command_kind kind, command_course course, std::chrono::nanoseconds took);
  void held(std::chrono::nanoseconds took) { held_.add(took); }

  // Adds what was counted so far to a sum over the workers.
  struct totals {
    std::array<std::array<std::uint64_t, command_course_names.size()>, command_kind_names.size()> commands{};
    // of those that were forwarded, and of those that were queued
    std::array<duration_histogram::reading, duration_class_names.size()> forwarded{};
    duration_histogram::reading queued;
    duration_histogram::reading held;

    [[nodiscard]] std::uint64_t of(command_course course) const;
  };
  void read(totals& into) const;

 private:
  std::array<std::array<own_count, command_course_names.size()>, command_kind_names.size()> commands_{};
  std::array<duration_histogram, duration_class_names.size()> forwarded_{};
  duration_histogram queued_;
  duration_histogram held_;
};

} // namespace holdwater::proxy
