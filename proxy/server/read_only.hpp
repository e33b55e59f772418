// Whether a server that answers takes writes.
#pragma once

#include "spool/mysql_connection.hpp"

#include <string>

namespace holdwater::proxy {

// The name of the option that keeps the server from taking writes, empty: none does. That the account of the
// connection may write all the same does not count: whoever sets it does not want the server written to, and
// other accounts could not follow.
[[nodiscard]] spool::server_result<std::string> read_only_option(spool::mysql_connection& connection);

// A refused connection means that there are too many, of the server's or of the account's.
[[nodiscard]] bool means_no_room(const spool::server_error& error);

} // namespace holdwater::proxy
