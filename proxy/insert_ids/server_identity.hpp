// Which run of which server answered: after a restart or a failover its counters may be older than our
// blocks.
#pragma once

#include <cstdint>
#include <string>

namespace holdwater::proxy {

struct server_identity {
  std::string where;           // host name, port and version, as the server names itself
  std::int64_t started = 0;    // seconds since the epoch
  bool names_folded = false;   // lower_case_table_names is not 0
  std::uint64_t increment = 1; // auto_increment_increment of a new session

  // A second's doubt: start is computed from two clocks.
  [[nodiscard]] bool same_run(const server_identity& other) const {
    const auto apart = started - other.started;
    return where == other.where && apart >= -2 && apart <= 2;
  }
};

} // namespace holdwater::proxy
