// The log: lines on stdout and in a file that is cut at a size, for people ("2026-01-31T12:00:00.123Z info
// text") or for machines (a JSON object a line). A thread that works for a service with a name says so in its
// lines (log_scope.hpp). Everything else logs with spdlog itself.
//
// Invariant: one message is one line, whatever a server or a client put into it. What is logged holds no
// password; what it says of a statement goes through shown_statement() or shown_error(), and so obeys
// log.statements.
#pragma once

#include "proxy/config/options.hpp"

#include <string>
#include <string_view>

namespace holdwater::protocol::sql {
struct dialect;
}

namespace holdwater::proxy {

// May be called again, to change it or to open the file anew. Returns what is wrong; then what was before
// stays.
[[nodiscard]] std::string set_up_log(const options::log_options& how);

// The line that a message becomes, without its time and level: control characters are shown as \xNN.
[[nodiscard]] std::string one_line(std::string_view message);
// The same as a JSON string, with its quotes; bytes that are not UTF-8 are shown as \xNN.
[[nodiscard]] std::string json_text(std::string_view message);

// What may be said of a statement: nothing but its kind, its shape, or all of it.
[[nodiscard]] std::string shown_statement(std::string_view text, const protocol::sql::dialect& how);
// Of what a server said about one: it may quote values, and SIGNAL says what it likes.
struct server_words {
  unsigned number = 0;
  std::string_view sql_state, text;
};
[[nodiscard]] std::string shown_error(const server_words& said);
[[nodiscard]] std::string without_values(const server_words& said);

} // namespace holdwater::proxy
