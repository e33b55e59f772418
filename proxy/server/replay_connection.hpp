// Replay's connections to the server that it is bound to (server_list::bind_replay).
//
// Invariant: nothing is sent over one, and no answer believed, once another server has taken that one's
// place. It is lost then, whatever the old server says, within about 100 ms.
#pragma once

#include "proxy/server/server_list.hpp"
#include "spool/mysql_connection.hpp"

#include <memory>

namespace holdwater::proxy {

// No default database: it may be gone, and the ledger is asked for by its full name.
[[nodiscard]] spool::server_result<std::unique_ptr<spool::mysql_connection>>
connect_for_replay(const server_list& servers, const spool::credentials& account,
                   const spool::connection_timeouts& timeouts);

} // namespace holdwater::proxy
