// Logging in over a used server connection: COM_CHANGE_USER asks the server all that a login asks (password,
// locks, rights, database) and forgets all that a login has not.
#pragma once

#include "proxy/session/link.hpp"

namespace holdwater::proxy {

// COM_CHANGE_USER does not run init_connect (measured on MariaDB 10.11 and MySQL 9.7), so the server is asked
// first whether there is one. No row, and nothing found: FOUND_ROWS() must not tell of it.
inline constexpr std::string_view init_connect_question =
    "SELECT 1 FROM DUAL WHERE @@global.init_connect <> ''";

// Logs in as `as` over a link that is logged in already. On success `ok` is set; else what, problem or
// refusal; the link is closed unless it was refused.
task<> change_login(worker& home, wakeup& wake, link_attempt& attempt, const protocol::handshake_response& as,
                    const std::string& password);

// What the last login over the link asked for.
[[nodiscard]] protocol::handshake_response login_of(const server_link& link);
// After a login or COM_CHANGE_USER over it that succeeded.
void remember_login(link_attempt& attempt, const protocol::handshake_response& as, server_moment asked);

} // namespace holdwater::proxy
