#include "proxy/session/connection_registry.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace holdwater::proxy {

using course = kill_order::course;

std::shared_ptr<session_record> connection_registry::enter(std::function<void()> end,
                                                           std::function<void()> interrupt) {
  auto made = std::shared_ptr<session_record>(new session_record, [this](session_record* gone) {
    const std::unique_ptr<session_record> last_owner(gone); // lets go after the lock
    const std::lock_guard lock(mutex_);
    sessions_.erase(gone->id);
  });
  made->end = std::move(end);
  made->interrupt = std::move(interrupt);
  const std::lock_guard lock(mutex_);
  const bool server_is_there = (last_server_id_ & ~own_ids) == first_own_id;
  do made->id = (server_is_there ? first_other_id : first_own_id) | (++last_id_ & own_ids);
  while (sessions_.contains(made->id));
  sessions_[made->id] = made;
  return made;
}

std::shared_ptr<link_record> connection_registry::open(std::uint32_t server_id) {
  auto made = std::shared_ptr<link_record>(new link_record, [this](link_record* gone) {
    const std::unique_ptr<link_record> last_owner(gone);
    const std::lock_guard lock(mutex_);
    const auto found = links_.find(gone->server_id);
    // After a restart the server gives the same number to another connection.
    if (found != links_.end() && found->second.expired()) links_.erase(found);
  });
  made->server_id = server_id;
  const std::lock_guard lock(mutex_);
  last_server_id_ = server_id;
  links_[server_id] = made;
  return made;
}

void connection_registry::name(session_record& session, const std::string& user, const std::string& address) {
  const std::lock_guard lock(mutex_);
  session.user = user;
  session.address = address;
}

std::vector<connection_registry::listed> connection_registry::list(std::size_t most, std::size_t& of) const {
  std::vector<listed> out;
  std::vector<std::shared_ptr<session_record>>
      alive; // their last owner may be we: then they end after the lock
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, weak] : sessions_) {
      auto one = weak.lock();
      if (!one) continue;
      const auto link = one->link.lock();
      const bool holds = link && link->holder == one->id;
      out.push_back({id, one->user, one->address, one->since, holds ? link->server_id : 0});
      alive.push_back(std::move(one));
    }
  }
  of = out.size();
  const auto older = [](const listed& a, const listed& b) {
    return std::tie(a.since, a.id) < std::tie(b.since, b.id);
  };
  const auto end = out.begin() + static_cast<std::ptrdiff_t>(std::min(most, out.size()));
  std::ranges::partial_sort(out, end, older);
  out.erase(end, out.end());
  return out;
}

bool connection_registry::hold(session_record& session, const std::shared_ptr<link_record>& link) {
  if (!link) return true;
  const std::lock_guard lock(mutex_);
  if (link->holder != session.id && link->was_others && link->condemned) return false;
  session.link = link;
  if (link->holder == session.id) return true;
  link->holder = session.id;
  link->told = false;
  link->since = clock_.fetch_add(1, std::memory_order_acq_rel) + 1;
  return true;
}

bool connection_registry::lay_down(link_record& link) {
  const std::lock_guard lock(mutex_);
  link.holder = 0;
  link.was_others = true;
  link.told = false;
  link.since = clock_.fetch_add(1, std::memory_order_acq_rel) + 1;
  return !link.condemned;
}

void connection_registry::tell(link_record& link) {
  const std::lock_guard lock(mutex_);
  link.told = true;
}

kill_order connection_registry::aim(std::uint64_t id, bool query_only, std::uint64_t looked_at) {
  std::shared_ptr<session_record> target; // outlives the lock: the last owner's end takes it
  std::shared_ptr<link_record> link;
  const std::lock_guard lock(mutex_);
  target = find_locked(id);
  if (target) {
    link = target->link.lock();
    if (!link || link->holder != target->id) return {course::local, 0, target};
    auto order = condemn(*link, target, query_only);
    order.what = course::rewrite;
    return order;
  }
  if (id > UINT32_MAX) return {};
  const auto found = links_.find(static_cast<std::uint32_t>(id));
  if (found != links_.end()) link = found->second.lock();
  if (!link) return {}; // no connection of ours
  if (link->was_others && !link->told && looked_at < link->since) return {course::unknown, 0, nullptr};
  target = find_locked(link->holder);
  return condemn(*link, target, query_only);
}

kill_order connection_registry::condemn(link_record& link, std::shared_ptr<session_record> target,
                                        bool query_only) {
  link.condemned = true;
  if (target && !query_only) target->doomed.store(true, std::memory_order_release);
  return {course::pass, link.server_id, std::move(target)};
}

std::shared_ptr<session_record> connection_registry::find(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  return find_locked(id);
}

std::shared_ptr<session_record> connection_registry::find_locked(std::uint64_t id) {
  if (id > UINT32_MAX) return nullptr;
  const auto found = sessions_.find(static_cast<std::uint32_t>(id));
  return found == sessions_.end() ? nullptr : found->second.lock();
}

std::size_t connection_registry::links() const {
  const std::lock_guard lock(mutex_);
  return links_.size();
}

std::string connection_registry::user_of(const session_record& session) {
  const std::lock_guard lock(mutex_);
  return session.user;
}

} // namespace holdwater::proxy
