// Which kinds of connection there are, and when the warm reads are asked for each of them again. No thread,
// no clock: the caller tells the time.
//
// Invariant: no two are alike, and there are at most `most`; the one that was not seen for longest makes
// room. An account of which no connection was seen has a stand-in.
#pragma once

#include "proxy/warming/known_asker.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace holdwater::proxy {

class asker_list {
 public:
  using time = std::chrono::steady_clock::time_point;
  static constexpr std::size_t most = 16;

  explicit asker_list(std::chrono::milliseconds interval);

  // For an account that nobody was seen of yet.
  void add_stand_in(known_asker one, time now);
  // A connection of that kind has read something. True: it is a new one, due at once.
  bool note(const known_asker& one, time now);
  // The server is there again: all are due, but for those that were asked a moment ago.
  void hurry(time now);
  // The one that is due, and for longest; it is due again after the interval.
  [[nodiscard]] std::optional<known_asker> take_due(time now);
  [[nodiscard]] std::optional<time> next_due() const;

  [[nodiscard]] std::vector<known_asker>
  seen() const; // without stand-ins, the one not seen for longest first
  [[nodiscard]] std::size_t size() const { return all_.size(); }

 private:
  struct entry {
    known_asker what;
    bool stands_in = false;
    time due;
    std::optional<time> asked;
  };
  [[nodiscard]] std::chrono::milliseconds shortest_pause() const;

  std::chrono::milliseconds interval_;
  std::vector<entry> all_; // the one seen last at the end
};

} // namespace holdwater::proxy
