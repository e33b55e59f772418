// A call of libmysqlclient in steps, so that the caller decides how long it waits for the socket.
//
// Source: MariaDB Connector/C "non-blocking API": x_start() and then x_cont() until no event is asked for.
#pragma once

#include "spool/spool.hpp"

#include <functional>

namespace holdwater::spool {

constexpr unsigned server_lost = 2013;
inline server_error no_answer() {
  return {server_lost, "HY000", "no answer from the server in time"};
}

// Waits for what the library waits for (MYSQL_WAIT_...) and says what came; 0: nobody waits any more, the
// connection is to be given up.
using socket_wait = std::function<int(int events)>;

// False: given up.
template <class Start, class Next>
[[nodiscard]] bool in_steps(const socket_wait& wait, Start start, Next next) {
  for (int events = start(); events != 0;) {
    const int came = wait(events);
    if (came == 0) return false;
    events = next(came);
  }
  return true;
}

} // namespace holdwater::spool
