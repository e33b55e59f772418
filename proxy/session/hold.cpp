// Keeping a client waiting, for a bounded time, instead of failing it.
#include "proxy/server/state_board.hpp"
#include "proxy/session/session.hpp"

namespace holdwater::proxy {

// Waits until `condition` ends or this command has waited as long as it may, counting all its waits.
task<> session::hold_while(bool (session::*condition)() const) {
  if (!held_) {
    held_ = true;
    process().counters.commands_held.fetch_add(1, std::memory_order_relaxed);
    home_.deadlines().set(hold_limit_, hold_time());
  }
  const auto began = home_.deadlines().now();
  while ((this->*condition)() && !held_out() && !stopping_ && !client_->closed()) {
    home_.wait_for_state(wake_);
    client_->arm_receive();
    co_await wake_.wait();
    home_.forget_state(wake_);
  }
  home_.counts().held(home_.deadlines().now() - began);
}

bool session::server_is_suspect() const {
  const auto now = home_.process().board.view();
  return now.state == server_state::suspect && !now.reads;
}

bool session::suspicion_stands() const {
  const auto now = home_.process().board.view();
  return now.state == server_state::suspect && now.reads == command_.decided_in.reads;
}

bool session::server_is_draining() const {
  return home_.process().board.view().state == server_state::draining;
}

} // namespace holdwater::proxy
