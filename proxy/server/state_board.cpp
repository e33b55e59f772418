#include "proxy/server/state_board.hpp"

#include <cassert>

namespace holdwater::proxy {

void state_board::store(server_state next, bool reads) {
  const auto now = view();
  const auto is_gone = [](server_state state, bool answers) {
    return state == server_state::down && !answers;
  };
  const bool goes = is_gone(next, reads) && !is_gone(now.state, now.reads);
  word_.store((now.outage + (goes ? 1 : 0)) << 8 | (reads ? reads_bit : 0) | static_cast<std::uint64_t>(next),
              std::memory_order_release);
}

void state_board::publish(server_state next, bool reads) {
  {
    const std::lock_guard lock(mutex_);
    store(next, reads);
  }
  for (const auto& listener : listeners_) listener(view());
}

void state_board::publish_move() {
  const std::lock_guard lock(mutex_);
  const auto number = view().outage + 1;
  moved_.store(number, std::memory_order_release);
  word_.store(number << 8 | (word_.load(std::memory_order_relaxed) & 0xff), std::memory_order_release);
}

bool state_board::publish_up_if(const std::function<bool()>& nothing_pending) {
  {
    const std::lock_guard lock(mutex_);
    if (appends_ > 0 || !nothing_pending()) return false;
    store(server_state::up, false);
  }
  for (const auto& listener : listeners_) listener(view());
  return true;
}

bool state_board::enter_append() {
  const std::lock_guard lock(mutex_);
  const auto state = view().state;
  if (state == server_state::up || state == server_state::halted) return false;
  ++appends_;
  return true;
}

void state_board::leave_append() {
  const std::lock_guard lock(mutex_);
  assert(appends_ > 0);
  --appends_;
}

} // namespace holdwater::proxy
