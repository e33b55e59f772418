// The server's address and what connections to it need, as libmysqlclient's users take it.
#pragma once

#include "proxy/config/options.hpp"
#include "spool/mysql_connection.hpp"

namespace holdwater::proxy {

[[nodiscard]] spool::server_address address_of_server(const options& settings);

} // namespace holdwater::proxy
