// pool.mode = transaction: a silent session's server connection is lent to the pool, and taken back as it was
// with the session's next command; what another session needed meanwhile is replaced by another connection,
// onto which the session is restored as after an outage (relink.cpp).
//
// Invariant: a link is lent only when all that is on it can be made anew elsewhere: outside of a transaction,
// with no temporary table, lock, cursor or the like, nothing sent for the next statement alone.
#include "proxy/server/state_board.hpp"
#include "proxy/session/server_pool.hpp"
#include "proxy/session/session.hpp"

#include "protocol/messages.hpp"

namespace holdwater::proxy {

using protocol::response_tracker;

namespace {

// How long a client may take to ask for the warnings or the error that its last answer told of.
constexpr std::chrono::seconds time_to_ask{1};

// ... after which a link is offered again that could not be lent: the server may be up by then, or there is
// room.
constexpr std::chrono::seconds until_next_try{1};

} // namespace

// Precondition: link_. An error tells no status, and without autocommit what it came of has opened a
// transaction.
bool session::may_lend() {
  const bool unclear = tracker_.ended_by() == response_tracker::ending::err && !state_.autocommit();
  return !unclear && !keeps_link_ && known_ && !stopping_ && !sent_away_ && client_->received().empty() &&
         !state_.in_transaction() && !state_.collected.open() && !transaction_lost_ && !stale_ &&
         (state_.restorable() || (!to_learn_.empty() && state_.unrestorable().empty())) &&
         !state_.called_unknown() && !state_.next_transaction() && !state_.statements.hold_something() &&
         !link_->may_have_profiles && !link_->start.unanswered() && home_.pool().may_keep(*link_);
}

// Before the session waits for its client's next command. True: there is something to learn first.
bool session::lend_link() {
  if (!may_lend()) return false;
  const bool to_ask = tracker_.ended_by() == response_tracker::ending::err || tracker_.ok().warnings != 0;
  if (to_ask && !lend_limit_.expired()) {
    if (!lend_limit_.set()) home_.deadlines().set(lend_limit_, time_to_ask);
    return false;
  }
  if (!to_learn_.empty() || id_owed_ || state_.last_insert_id_untold) return true;
  if (state_.database() != link_->database) link_->needs_login = true;
  const auto lent = home_.pool().lend(*link_);
  if (!lent && !home_.pool().has_aged(*link_)) {
    home_.deadlines().set(lend_limit_, until_next_try);
    return false;
  }
  lent_ = lent.value_or(0);
  if (!lent) say_goodbye(*link_);
  link_.reset();
  if (lent_ == 0) state_.statements.lost_connection();
  return false;
}

void session::take_back_link() {
  auto back = home_.pool().take_back(std::exchange(lent_, 0), wake_);
  if (back && process().connections->hold(*record_, back->record))
    link_ = std::move(back);
  else if (back)
    say_goodbye(*back); // a KILL is on its way to it
  if (!link_) state_.statements.lost_connection();
}

// The session ends.
void session::leave_lent_link() {
  if (lent_ != 0) home_.pool().leave(std::exchange(lent_, 0));
}

// Until a server connection may be there to be had. False: it took too long, and `attempt` says so as a
// server without room would; or the server is not up any more.
task<bool> session::await_place(link_attempt& attempt, deadline& patience, pool_turn& mine) {
  mine.wait();
  if (!patience.set() && !patience.expired())
    home_.deadlines().set(patience, process().settings.connection_timeout);
  bool up = true;
  while (up && !mine.called() && !patience.expired() && !stopping_ && !client_->closed()) {
    home_.wait_for_state(wake_);
    client_->arm_receive();
    co_await wake_.wait();
    if (client_->peer_has_left()) client_->close();
    up = process().board.view().state == server_state::up;
  }
  home_.forget_state(wake_);
  if (mine.called()) co_return true;
  attempt = {};
  attempt.problem = "the server went away while its connections were in use";
  if (!up) co_return false;
  attempt.what = link_attempt::outcome::refused;
  attempt.ours = true;
  protocol::byte_buffer packet;
  append_client_error(packet, 0, client_error::too_many_connections,
                      "Too many connections: all of pool.max_connections are in use", negotiated_);
  attempt.refusal.assign(packet.begin() + protocol::packet_header_size, packet.end());
  co_return false;
}

} // namespace holdwater::proxy
