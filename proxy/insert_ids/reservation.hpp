// Makes a block: lets the server generate ids for rows that are rolled back. README.md has the argument why
// such ids are nobody else's.
#pragma once

#include "proxy/insert_ids/id_book.hpp"
#include "spool/mysql_connection.hpp"

namespace holdwater::proxy {

struct reserved_ids {
  id_range range;
  bool short_of = false; // less than asked for: the column's type has not enough room
};

// One block for one table, on a connection that prepare_session() has seen. Leaves no transaction open unless
// the connection is lost. Our own refusals have the error number 0.
[[nodiscard]] spool::server_result<reserved_ids> reserve_ids(spool::mysql_connection& server,
                                                             const id_order& order, std::uint64_t increment);

} // namespace holdwater::proxy
