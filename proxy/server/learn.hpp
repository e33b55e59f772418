// What the monitor's new connection tells about the server: the context that a fresh connection of our
// account has (the defaults, and what init_connect made of them), and the collations by id.
#pragma once

#include "proxy/server/server_profile.hpp"
#include "spool/mysql_connection.hpp"

namespace holdwater::proxy {

// Failures are logged; the profile keeps what it knew.
void learn_from(spool::mysql_connection& connection, profile_store& profile);
void learn_variables(spool::mysql_connection& connection, profile_store& profile); // a part of it

} // namespace holdwater::proxy
