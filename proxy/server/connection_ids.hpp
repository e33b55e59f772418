// Whether a fresh connection's id tells that another server answers than before: one that was started anew,
// or a replica that took over the address. Such a server may lack writes that were applied already, which go
// before any new one, so nobody may write to it until the monitor has looked at its ledger.
//
// Servers number their connections upwards from their start (https://mariadb.com/kb/en/connection_id/,
// https://dev.mysql.com/doc/refman/9.0/en/information-functions.html#function_connection-id), so an id at or
// below one that was known before the connection was begun is another server's, or the count has wrapped
// round at 2^32. The reverse does not hold: a server with more connections behind it goes unnoticed here.
//
// Where several servers share one address by design, the ids tell nothing; after a few alarms in a short time
// they are not asked for a while.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>

namespace holdwater::proxy {

class connection_ids {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  // What was known when a connection was begun.
  struct mark {
    std::uint64_t highest = 0;
    std::uint64_t server = 0; // how many servers there had been
  };
  enum class verdict : std::uint8_t {
    follows,        // nothing speaks against the same server
    another_server, // the first to notice one
    changed,        // another one was noticed while this connection was being made
  };

  // Before connecting. Any thread, like all of these.
  [[nodiscard]] mark take_mark() const;
  // With the greeting's connection id.
  [[nodiscard]] verdict judge(const mark& before, std::uint64_t id, time_point at);
  // A connection of the monitor's, who looks at the server himself.
  void see(std::uint64_t id);

 private:
  mutable std::mutex mutex_;
  mark now_;
  std::deque<time_point> alarms_; // the latest
  time_point silent_until_{};
};

} // namespace holdwater::proxy
