#include "proxy/server/default_changes.hpp"

#include <algorithm>

namespace holdwater::proxy {

void default_changes::set_seen() {
  const std::lock_guard lock(mutex_);
  if (sets_ == learned_sets_) set_at_ = std::chrono::steady_clock::now();
  ++sets_;
}

std::uint64_t default_changes::sets() const {
  const std::lock_guard lock(mutex_);
  return sets_;
}

bool default_changes::unlearned() const {
  const std::lock_guard lock(mutex_);
  return sets_ != learned_sets_;
}

void default_changes::found_same(std::uint64_t sets, moment asked) {
  const std::lock_guard lock(mutex_);
  learned_sets_ = sets;
  looked_at_ = asked;
}

void default_changes::found_others(std::uint64_t sets, moment asked) {
  const std::lock_guard lock(mutex_);
  learned_sets_ = sets;
  if (spans_.size() == most_spans) {
    spans_[1].after = spans_[0].after;
    spans_.erase(spans_.begin());
  }
  spans_.push_back({looked_at_, std::chrono::steady_clock::now()});
  looked_at_ = asked;
  version_.fetch_add(1, std::memory_order_release);
}

bool default_changes::in_doubt(moment from, moment until) const {
  const std::lock_guard lock(mutex_);
  if (sets_ != learned_sets_ && until > set_at_) return true;
  return std::ranges::any_of(spans_, [&](const span& one) { return until > one.after && from <= one.until; });
}

} // namespace holdwater::proxy
