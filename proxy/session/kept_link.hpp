// A server connection that the pool has.
#pragma once

#include "proxy/net/deadlines.hpp"
#include "proxy/session/server_pool.hpp"

#include <chrono>
#include <cstdint>
#include <utility>

namespace holdwater::proxy {

// Shared by the pool and the coroutine that watches it.
struct server_pool::kept {
  enum class stage : std::uint8_t {
    used,  // as its client left it
    busy,  // being reset
    clean, // the reset is answered
  };
  explicit kept(server_link taken) { attempt.link = std::move(taken); }
  [[nodiscard]] server_link& link() { return *attempt.link; }
  [[nodiscard]] const server_link& link() const { return *attempt.link; }

  link_attempt attempt;
  wakeup wake;
  deadline limit{wake};
  stage at = stage::busy;
  moment reset; // when it was, once clean
  std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
  std::uint64_t lent = 0; // by a session that may take it back; 0: by none
  bool gone = false;      // no longer the pool's: taken or let go
};

} // namespace holdwater::proxy
