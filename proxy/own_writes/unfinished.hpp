// Commands that the server was left alone with: their client went away, or the connection broke, before the
// answer came. The server may carry them out still, so what was read of their tables in the meantime is not
// to be built on until it is known that it does not.
//
// Source: MySQL, "SHOW PROCESSLIST Statement" (without the PROCESS privilege only one's own connections are
// shown); "Server Status Variables", Uptime.
#pragma once

#include "proxy/own_writes/written_tables.hpp"
#include "spool/mysql_connection.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

namespace holdwater::proxy {

struct unfinished_command {
  std::uint32_t connection = 0; // the server's number of it, 0: of several
  std::uint64_t outage = 0;     // state_board's number when that was opened
  std::string user;             // who was logged in over it
  std::vector<written_tables> writes;
  unsigned alters = 0; // how many changes of definitions have begun, perhaps, and are not known to have ended
  std::chrono::microseconds since{0}; // since the machine's boot
};

// What a server says of its connections.
struct running_connection {
  std::string user;
  bool sleeps = false;           // it waits for its client
  bool reads = false;            // what it does is a SELECT or a SHOW
  std::chrono::seconds since{0}; // it has done so
};
struct running_connections {
  std::unordered_map<std::uint32_t, running_connection> all;
  std::uint32_t own = 0;      // the one that asked
  bool of_every_user = false; // and not only of `user`
  std::string user;           // who asked
  std::chrono::seconds up_for{0};
};
[[nodiscard]] spool::server_result<running_connections> read_running(spool::mysql_connection& server);

// Not thread-safe; its owner locks.
class unfinished_commands {
 public:
  // Past `most` they are one, which ends with the server's next start.
  static constexpr std::size_t most = 4096;

  void add(unfinished_command one);
  // Takes out those that are over: their connection is gone or has gone on, or the server has started since.
  // Of those that were added after it was asked nothing is known; nor of those that another server was left
  // with.
  using moved_since = std::function<bool(std::uint64_t outage)>;
  [[nodiscard]] std::vector<unfinished_command>
  take_ended(const running_connections& said, std::chrono::microseconds asked, const moved_since& moved);
  // Whose they are.
  [[nodiscard]] std::vector<std::string> users() const;

  [[nodiscard]] bool empty() const { return all_.empty(); }
  // Whether one of them may write the table; `hash`: written_tables::hash_of().
  [[nodiscard]] bool may_write(std::uint64_t hash) const;

 private:
  std::vector<unfinished_command> all_;
};

} // namespace holdwater::proxy
