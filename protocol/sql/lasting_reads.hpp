// Reads whose answer may be kept and given again later, when the server is away, to whoever asks the same in
// the same circumstances (account, database, character sets, sql_mode, ...): it depends on the data alone.
//
// Rule: a list of what is known to be such; nobody guesses.
//
// Source: MySQL "SHOW Statements", "INFORMATION_SCHEMA Tables"; MariaDB "SHOW", "Information Schema Tables".
#pragma once

#include "protocol/sql/analysis.hpp"

#include <string_view>

namespace holdwater::protocol::sql {

// mysql, information_schema, performance_schema, sys; in any case of letters.
[[nodiscard]] bool is_schema_of_the_server(std::string_view schema);

// `text`: what the statement is a part of. `database`: the default one. Not so: what locks, calls what is not
// known, or depends on the session, on chance, or on the moment alone; the server's own state (but for its
// global variables) and its accounts.
[[nodiscard]] bool is_lasting_read(std::string_view text, const statement& one, std::string_view database,
                                   const dialect& how);

// Of such a read: another server with the same data may answer something else (its global variables).
[[nodiscard]] bool tells_of_one_server(std::string_view text, const statement& one, const dialect& how);

// GRANT, REVOKE and the like, and writes to the tables behind them.
[[nodiscard]] bool changes_rights(std::string_view text, const statement& one, const dialect& how);

} // namespace holdwater::protocol::sql
