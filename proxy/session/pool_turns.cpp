// Who waits for a server connection while all of pool.max_connections are in use, and whose turn it is.
#include "proxy/session/server_pool.hpp"

namespace holdwater::proxy {

// At the loop's next turn: whoever is called may be in the middle of something.
void server_pool::call_next() {
  if (places_->waiting.empty()) return;
  home_.loop().post([all = places_] {
    if (all->waiting.empty()) return;
    auto* const first = all->waiting.front();
    all->waiting.pop_front();
    first->called_ = true;
    first->who_.notify();
  });
}

server_pool::turn::turn(server_pool& pool, wakeup& who) : waiting_(pool.places_->waiting), who_(who) {
  waiting_.push_back(this);
}

server_pool::turn::~turn() {
  waiting_.remove(this);
}

} // namespace holdwater::proxy
