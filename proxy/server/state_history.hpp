// What the server's states were, since when and why: for the people who look, not for decisions.
#pragma once

#include "proxy/server/state.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <deque>
#include <string>

namespace holdwater::proxy {

inline constexpr std::array all_server_states{server_state::up, server_state::suspect, server_state::down,
                                              server_state::draining, server_state::halted};

class state_history {
 public:
  static constexpr std::size_t most_changes = 500; // older ones are forgotten

  struct change {
    std::chrono::system_clock::time_point at;
    server_state state = server_state::suspect;
    bool reads = false;
    std::string why; // empty when all went as it should
  };

  state_history();

  void enter(server_state next, bool reads, std::string why);
  // The present state has another cause by now. False: it is the one that is known.
  bool say_why(const std::string& why);

  // The oldest first, the present state last; never empty.
  [[nodiscard]] const std::deque<change>& changes() const { return changes_; }
  // Seconds since the start that were spent in each of all_server_states.
  [[nodiscard]] std::array<double, all_server_states.size()> seconds() const;

 private:
  using steady_clock = std::chrono::steady_clock;

  std::deque<change> changes_;
  steady_clock::time_point since_ = steady_clock::now(); // the present state
  std::array<steady_clock::duration, all_server_states.size()> spent_{};
};

} // namespace holdwater::proxy
