#include "proxy/server/state_board.hpp"

#include <cassert>

namespace holdwater::proxy {

void state_board::store(server_state next) {
  const auto now = view();
  const bool outage_begins = next == server_state::down && now.state != server_state::down;
  word_.store((now.outage + (outage_begins ? 1 : 0)) << 8 | static_cast<std::uint64_t>(next),
              std::memory_order_release);
}

void state_board::publish(server_state next) {
  {
    const std::lock_guard lock(mutex_);
    store(next);
  }
  for (const auto& listener : listeners_) listener(view());
}

bool state_board::publish_up_if(const std::function<bool()>& nothing_pending) {
  {
    const std::lock_guard lock(mutex_);
    if (appends_ > 0 || !nothing_pending()) return false;
    store(server_state::up);
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
