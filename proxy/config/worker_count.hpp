// How many threads serve sessions: as configured, or one for each processor.
#pragma once

#include "proxy/config/options.hpp"

#include <algorithm>
#include <thread>

namespace holdwater::proxy {

[[nodiscard]] inline unsigned worker_count(const options& settings) {
  return settings.workers > 0 ? settings.workers : std::max(1u, std::thread::hardware_concurrency());
}

} // namespace holdwater::proxy
