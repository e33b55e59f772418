#include "proxy/net/deadlines.hpp"

namespace holdwater::proxy {

void deadline_list::set(deadline& one, std::chrono::milliseconds from_now) {
  one.unlink();
  one.expired_ = false;
  one.when_ = std::chrono::steady_clock::now() + from_now;
  waiting_.push_back(one);
  schedule();
}

void deadline_list::stop() {
  stopped_ = true;
  timer_.cancel();
}

void deadline_list::schedule() {
  if (scheduled_ || stopped_) return;
  scheduled_ = true;
  timer_.expires_after(tick);
  timer_.async_wait([this](boost::system::error_code failed) {
    scheduled_ = false;
    if (failed || stopped_) return;
    fire();
  });
}

void deadline_list::fire() {
  const auto now = std::chrono::steady_clock::now();
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
  if (!waiting_.empty()) schedule();
}

} // namespace holdwater::proxy
