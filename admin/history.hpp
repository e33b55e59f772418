// What was so, second by second: so that a page that is opened in the middle of an outage shows its
// beginning.
//
// Invariant: the memory is bounded: 15 minutes by the second, 24 hours by the half minute. One thread.
#pragma once

#include "admin/control.hpp"

#include <boost/circular_buffer.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace holdwater::admin {

// What the program knows at a moment. The totals are since its start.
struct reading {
  std::chrono::system_clock::time_point at;
  std::chrono::steady_clock::time_point steady;
  unsigned state = 0; // as sample::state
  std::uint64_t pending = 0, dead = 0, bytes = 0, clients = 0;
  std::uint64_t commands = 0, refused = 0, accepted = 0, applied = 0, cache_hits = 0; // totals
  std::vector<std::uint64_t> latencies; // totals by bound, and of those past them all
};

class history {
 public:
  static constexpr std::size_t fine_samples = 900;
  static constexpr std::size_t coarse_samples = 2880;
  static constexpr std::chrono::seconds coarse_step{30};
  static constexpr unsigned draining = 3; // of sample::state
  static constexpr unsigned up = 0;

  // `bounds_s` are those of a reading's latencies.
  explicit history(std::vector<double> bounds_s) : bounds_s_(std::move(bounds_s)) {}

  // Once a second or so.
  void note(const reading& now);

  // Those with number > after, the oldest first.
  [[nodiscard]] std::vector<sample> fine(std::uint64_t after) const { return since(fine_.samples, after); }
  [[nodiscard]] std::vector<sample> coarse(std::uint64_t after) const {
    return since(coarse_.samples, after);
  }

  // How the queue moves.
  struct outlook {
    double accepted_per_s = 0;
    double applied_per_s = 0;
    std::uint64_t peak_pending = 0; // the most that waited since nothing did
    std::optional<double> eta_s;    // while it drains: until nothing waits, at the present pace
  };
  [[nodiscard]] outlook look_ahead() const;

 private:
  struct ring {
    boost::circular_buffer<sample> samples;
    std::optional<reading> before;
    std::uint64_t last_number = 0;

    explicit ring(std::size_t most) : samples(most) {}
  };

  void add(ring& to, const reading& now) const;
  [[nodiscard]] double quantile(const reading& before, const reading& now, double share) const;
  static std::vector<sample> since(const boost::circular_buffer<sample>& all, std::uint64_t after);

  std::vector<double> bounds_s_;
  ring fine_{fine_samples};
  ring coarse_{coarse_samples};
  std::uint64_t peak_ = 0;
};

} // namespace holdwater::admin
