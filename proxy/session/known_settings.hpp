// Whether the server would take a value for one of the session variables that a write's meaning depends on,
// as far as that is known without asking it. In an outage such a SET is answered here, and a value that the
// server refuses afterwards would make dead letters of all writes that were accepted under it. No I/O.
#pragma once

#include "proxy/server/server_profile.hpp"
#include "spool/unit.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace holdwater::proxy {

// `text`: the literal as written; `value`: without its quotes and escapes. `now`: what the session has.
// Variables that no unit carries are taken on trust, but for a text where a number belongs.
[[nodiscard]] bool is_acceptable(std::string_view variable, std::string_view text, std::string_view value,
                                 const spool::statement_context& now, const server_profile& profile);

// In lower case, and of two names that mean the same the one that both servers have by now.
[[nodiscard]] std::string common_name(std::string variable);

// Those that session_state has a place for in the context: their values have to be known.
[[nodiscard]] bool is_of_context(std::string_view variable);

// The next statement uses its value up, so that it must not be set twice.
[[nodiscard]] bool is_for_one_statement(std::string_view variable, std::string_view value);

// As @@x says a value that was set, of a variable of the context; empty: NULL.
[[nodiscard]] std::string as_told(std::string_view variable, std::string_view value);

// A sql_mode as @@sql_mode says it: its modes in the server's order. Nothing: one of them stands for several.
[[nodiscard]] std::optional<std::string> listed_sql_mode(std::string_view value, bool mariadb);

// A boolean may have been set by a word.
[[nodiscard]] std::optional<std::string> number_of(const std::optional<std::string>& set_to);

// Whether a fresh session has that value, too.
[[nodiscard]] bool is_as_fresh(const system_variable& fresh, const std::optional<std::string>& value);

// As a unit carries a value that was set, of a variable that units carry beside their context; nothing: it is
// none that every server takes as it is.
[[nodiscard]] std::optional<std::string> carried_value(std::string_view variable, std::string_view value,
                                                       bool mariadb);

// Whether a write may depend on the variable, lower-case name, or what it sets off: a trigger, a view, a
// generated column. Without its value it must not be queued.
[[nodiscard]] bool is_left_behind(std::string_view variable);

// A character set that clients may speak: the servers refuse those in which ASCII is not one byte.
[[nodiscard]] bool is_client_charset(std::string_view character_set);

// Whether it names a zone of the server's own tables, which only the server knows.
[[nodiscard]] bool is_named_zone(std::string_view time_zone);

} // namespace holdwater::proxy
