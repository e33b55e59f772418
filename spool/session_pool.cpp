#include "spool/session_pool.hpp"

#include <algorithm>
#include <set>

namespace holdwater::spool {

const credentials* session_pool::find(const std::string& account) const {
  const auto found = std::find_if(accounts_.begin(), accounts_.end(),
                                  [&](const auto& known) { return known.user == account; });
  return found == accounts_.end() ? nullptr : &*found;
}

server_result<replay_session*> session_pool::get(const std::string& account) {
  if (const auto* known = existing(account); known != nullptr && (known->spoiled() || known->changed()))
    drop(account);
  auto& session = sessions_[account];
  if (session) return session.get();
  auto opened = replay_session::open(connect_, *find(account), how_long_);
  if (!opened) return opened.error();
  if (auto done = end_lost_of(**opened); !done) return done.error();
  session = std::move(*opened);
  return session.get();
}

replay_session* session_pool::existing(const std::string& account) {
  const auto found = sessions_.find(account);
  return found == sessions_.end() ? nullptr : found->second.get();
}

// Only the account's own: others cannot be seen from its connection, and not seen would be taken for gone.
server_result<void> session_pool::end_lost_of(replay_session& session) {
  for (auto other = lost_.begin(); other != lost_.end();) {
    if (other->user != session.identity().user) {
      ++other;
      continue;
    }
    auto gone = session.end(*other);
    if (!gone && classify(gone.error()) == error_class::connection_lost) return gone.error();
    // A KILL that is refused leaves it on the list: the next time-out of the row's lock comes here again.
    other = gone && *gone == presence::gone ? lost_.erase(other) : other + 1;
  }
  return {};
}

void session_pool::end_lost() {
  std::set<std::string> users;
  for (const auto& other : lost_) users.insert(other.user);
  for (const auto& user : users) {
    auto session = get(user);
    if (session && !end_lost_of(**session)) drop(user);
  }
}

void session_pool::drop(const std::string& account) {
  const auto found = sessions_.find(account);
  if (found == sessions_.end() || !found->second) return;
  lost_.push_back(found->second->identity());
  sessions_.erase(found);
}

void session_pool::drop_all() {
  while (!sessions_.empty()) {
    const auto account = sessions_.begin()->first;
    drop(account);
    sessions_.erase(account);
  }
}

} // namespace holdwater::spool
