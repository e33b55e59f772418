#include "proxy/server/state_history.hpp"

#include <utility>

namespace holdwater::proxy {

state_history::state_history() {
  changes_.push_back({std::chrono::system_clock::now(), server_state::suspect, false, "not reached yet"});
}

void state_history::enter(server_state next, bool reads, std::string why) {
  const auto now = steady_clock::now();
  spent_[static_cast<std::size_t>(changes_.back().state)] += now - std::exchange(since_, now);
  changes_.push_back({std::chrono::system_clock::now(), next, reads, std::move(why)});
  if (changes_.size() > most_changes) changes_.pop_front();
}

bool state_history::say_why(const std::string& why) {
  if (why.empty() || changes_.back().why == why) return false;
  changes_.back().why = why;
  return true;
}

std::array<double, all_server_states.size()> state_history::seconds() const {
  auto spent = spent_;
  spent[static_cast<std::size_t>(changes_.back().state)] += steady_clock::now() - since_;
  std::array<double, all_server_states.size()> out{};
  for (std::size_t at = 0; at < out.size(); ++at) out[at] = std::chrono::duration<double>(spent[at]).count();
  return out;
}

} // namespace holdwater::proxy
