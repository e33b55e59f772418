#include "proxy/warming/asker_list.hpp"

#include <algorithm>

namespace holdwater::proxy {

asker_list::asker_list(std::chrono::milliseconds interval) : interval_(interval) {}

// A server that comes and goes is not asked each time.
std::chrono::milliseconds asker_list::shortest_pause() const {
  return std::min<std::chrono::milliseconds>(interval_, std::chrono::seconds(10));
}

void asker_list::add_stand_in(known_asker one, time now) {
  const auto same_account = [&](const entry& known) { return known.what.user == one.user; };
  if (std::any_of(all_.begin(), all_.end(), same_account) || all_.size() == most) return;
  all_.insert(all_.begin(), {std::move(one), true, now, {}});
}

bool asker_list::note(const known_asker& one, time now) {
  const auto known = std::find_if(all_.begin(), all_.end(),
                                  [&](const entry& other) { return !other.stands_in && other.what == one; });
  if (known != all_.end()) {
    std::rotate(known, known + 1, all_.end());
    return false;
  }
  std::erase_if(all_, [&](const entry& other) { return other.stands_in && other.what.user == one.user; });
  if (all_.size() == most) all_.erase(all_.begin());
  all_.push_back({one, false, now, {}});
  return true;
}

void asker_list::hurry(time now) {
  for (auto& one : all_)
    one.due = std::min(one.due, one.asked ? std::max(now, *one.asked + shortest_pause()) : now);
}

std::optional<known_asker> asker_list::take_due(time now) {
  const auto next = std::min_element(all_.begin(), all_.end(),
                                     [](const entry& a, const entry& b) { return a.due < b.due; });
  if (next == all_.end() || next->due > now) return std::nullopt;
  next->asked = now;
  next->due = now + interval_;
  return next->what;
}

std::optional<asker_list::time> asker_list::next_due() const {
  std::optional<time> next;
  for (const auto& one : all_) next = std::min(next.value_or(one.due), one.due);
  return next;
}

std::vector<known_asker> asker_list::seen() const {
  std::vector<known_asker> out;
  for (const auto& one : all_)
    if (!one.stands_in) out.push_back(one.what);
  return out;
}

} // namespace holdwater::proxy
