// The places of pool.max_connections, who waits for one while all are in use, and whose turn it is.
#include "proxy/config/worker_count.hpp"
#include "proxy/session/kept_link.hpp"
#include "proxy/session/server_pool.hpp"

#include <algorithm>

namespace holdwater::proxy {

std::shared_ptr<void> server_pool::take_place() {
  const auto& settings = home_.process().settings;
  const auto limit = settings.pool.max_connections;
  const auto own = std::max<std::uint64_t>(1, limit / worker_count(settings));
  const auto full = [&] { return limit > 0 && places_->used >= own; };
  if (full()) { // of another account, or the like, or it would have been taken
    const auto oldest = std::find_if(idle_.rbegin(), idle_.rend(),
                                     [](const auto& one) { return one->at != kept::stage::busy; });
    if (oldest != idle_.rend()) let_go(std::prev(oldest.base()), pool_end::crowded);
  }
  if (full()) return nullptr;
  ++places_->used;
  return {places_.get(), [this_places = places_, &home = home_](void*) {
            --this_places->used;
            if (!this_places->waiting.empty()) home.pool().call_next();
          }};
}

// At the loop's next turn: whoever is called may be in the middle of something.
void server_pool::call_next() {
  if (places_->waiting.empty()) return;
  home_.loop().post([all = places_] {
    if (all->waiting.empty()) return;
    auto* const first = all->waiting.front();
    all->waiting.pop_front();
    first->waits_ = false;
    first->called_ = true;
    first->who_.notify();
  });
}

pool_turn::pool_turn(server_pool& pool, wakeup& who)
    : pool_(pool), waiting_(pool.places_->waiting), who_(who), number_(++pool.places_->last_number) {}

void pool_turn::wait() {
  called_ = false;
  if (std::exchange(waits_, true)) return;
  const auto behind = std::find_if(waiting_.begin(), waiting_.end(),
                                   [&](const pool_turn* other) { return other->number_ > number_; });
  waiting_.insert(behind, this);
}

pool_turn::~pool_turn() {
  if (waits_) waiting_.remove(this);
  if (called_ && !waiting_.empty()) pool_.call_next();
}

} // namespace holdwater::proxy
