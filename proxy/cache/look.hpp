// A search of a tier behind the memory: `done` is set, and whoever asked is woken, when what was found is in
// the memory.
#pragma once

#include <atomic>

namespace holdwater::proxy {

struct cache_look {
  std::atomic<bool> done{false};
};

} // namespace holdwater::proxy
