// A server's address and what connections to it need, as libmysqlclient's users take it.
#pragma once

#include "proxy/config/options.hpp"
#include "proxy/config/server_places.hpp"
#include "spool/mysql_connection.hpp"

namespace holdwater::proxy {

[[nodiscard]] spool::server_address address_of(const server_place& place, const options& settings);

} // namespace holdwater::proxy
