#include "proxy/net/deadlines.hpp"

namespace holdwater::proxy {

void deadline_list::set(deadline& one, std::chrono::milliseconds from_now) {
  const auto at = now();
  one.unlink();
  one.expired_ = false;
  one.when_ = at + from_now;
  if (waiting_.empty()) next_tick_ = at + tick;
  waiting_.push_back(one);
}

steady_time deadline_list::now() {
  if (turn_ == steady_time{}) turn_ = std::chrono::steady_clock::now();
  return turn_;
}

std::chrono::milliseconds deadline_list::fire_due() {
  using std::chrono::milliseconds;
  auto longest = milliseconds(-1);
  if (!waiting_.empty() && now() >= next_tick_) {
    next_tick_ = now() + tick;
    fire(now());
  }
  if (!waiting_.empty()) longest = std::chrono::ceil<milliseconds>(next_tick_ - now());
  turn_ = {}; // what follows is the wait
  return longest;
}

void deadline_list::fire(steady_time now) {
  // Waking one coroutine may destroy others: those that are due are moved to a list of their own, which they
  // can still leave by themselves.
  boost::intrusive::list<deadline, boost::intrusive::constant_time_size<false>> due;
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    auto& one = *at++;
    if (one.when_ > now) continue;
    one.unlink();
    due.push_back(one);
  }
  while (!due.empty()) {
    auto& one = due.front();
    one.unlink();
    one.expired_ = true;
    one.owner_->notify();
  }
}

} // namespace holdwater::proxy
