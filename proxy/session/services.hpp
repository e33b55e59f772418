// What all sessions of the process share. Owned by the program, which outlives them.
#pragma once

#include "protocol/ip_address.hpp"
#include "proxy/config/options.hpp"
#include "proxy/session/connection_registry.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace holdwater::protocol {
class rsa_key;
}
namespace holdwater::spool {
class spool;
}

namespace holdwater::proxy {

class insert_ids;
class monitor;
class own_writes;
class profile_store;
class read_cache;
class replica_list;
class state_board;
class tls_context;
class warmer;
class write_queue;

// Why a kept server connection was closed.
enum class pool_end : std::uint8_t {
  idle,    // nobody came for it
  age,     // of the connection
  crowded, // pool.max_idle
  lost,    // the server closed it, or it could not be reset
  refused, // the server no longer lets its account in
  shed,    // to make room on the server, or at the end
};
inline constexpr std::array<std::string_view, 6> pool_end_names{"idle", "age",     "crowded",
                                                                "lost", "refused", "shed"};

// Counted on the sessions' path, shown on /metrics. Relaxed: nobody decides on them.
struct session_counters {
  std::atomic<std::uint64_t> connections{0};      // accepted since the start
  std::atomic<std::uint64_t> connected_remote{0}; // now, over TCP
  std::atomic<std::uint64_t> connected_local{0};  // now, over the unix socket
  [[nodiscard]] std::uint64_t connected() const {
    return connected_remote.load(std::memory_order_relaxed) + connected_local.load(std::memory_order_relaxed);
  }
  std::atomic<std::uint64_t> logins_failed{0};
  std::atomic<std::uint64_t> clients_turned_away{0};
  std::atomic<std::uint64_t> clients_given_up{0}; // net_read_timeout, net_write_timeout
  std::atomic<std::uint64_t> tls_failed{0};       // handshakes with clients
  std::atomic<std::uint64_t> commands_held{0};
  std::atomic<std::uint64_t> commands_refused{0}; // by Holdwater, not by the server
  std::atomic<std::uint64_t> writes_spooled{0};   // answered with the spooled OK
  std::atomic<std::uint64_t> writes_in_doubt{0};
  std::atomic<std::uint64_t> transactions_lost{0};
  std::atomic<std::uint64_t> server_connects{0};
  std::atomic<std::uint64_t> server_connects_failed{0};
  std::atomic<std::uint64_t> pool_idle{0};   // server connections without a client now: also their bound
  std::atomic<std::uint64_t> pool_kept{0};   // that were reset and ready for another client
  std::atomic<std::uint64_t> pool_reused{0}; // sessions that got one of them
  std::atomic<std::uint64_t> pool_shared{0}; // taken from a session that lives and was silent
  std::array<std::atomic<std::uint64_t>, pool_end_names.size()> pool_closed{}; // by pool_end
  void count_end(pool_end why) {
    pool_closed[static_cast<std::size_t>(why)].fetch_add(1, std::memory_order_relaxed);
  }

  // Statements seen that may change what a login gives: SET GLOBAL, GRANT, DDL. The pool decides on it.
  std::atomic<std::uint64_t> server_changes{0};
};

struct services {
  const options& settings;
  state_board& board;
  monitor& watch;
  profile_store& profile;
  session_counters& counters;
  write_queue* writes = nullptr; // these three are null when spool.enabled is false
  spool::spool* queue = nullptr;
  insert_ids* ids = nullptr;
  const tls_context* client_tls = nullptr; // null: no TLS on that side
  const tls_context* server_tls = nullptr;
  const protocol::rsa_key* password_key = nullptr; // for relayed passwords of clients without TLS

  read_cache* cache = nullptr;             // null: cache.enabled is false
  warmer* warm = nullptr;                  // null: nothing is asked ahead
  replica_list* replicas = nullptr;        // null: there are none
  own_writes* own = nullptr;               // null: cache.own_writes is false
  protocol::network_list proxy_networks{}; // whose PROXY headers are believed
  std::function<void()> shed_pools{};      // closes the idle server connections of every worker, soon

  std::shared_ptr<connection_registry> connections = std::make_shared<connection_registry>();

  // The same with other settings.
  [[nodiscard]] services with(const options& others) const;

  // The configured account of that name, or null.
  [[nodiscard]] const account* find_account(std::string_view user) const;
};

} // namespace holdwater::proxy
