// Reads that ask for nothing but the session and the server's variables, as drivers and pools send them on
// connect, on check-out and on ping: SELECT without a table, SHOW VARIABLES, SHOW WARNINGS.
//
// Rule: what has anything else in it is not read; nobody guesses.
//
// Source: MySQL "SELECT Statement", "SHOW VARIABLES Statement", "SHOW WARNINGS Statement", "Using System
// Variables".
#pragma once

#include "protocol/sql/analysis.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::protocol::sql {

struct plain_item {
  enum class kind : std::uint8_t {
    integer,         // value: its digits, with a sign
    boolean,         // value: 1 or 0
    text,            // value: its bytes
    null,            //
    system_variable, // value: its name in lower case; without a scope or with SESSION or LOCAL
    user_variable,   // value: its name as written, without the @
    function,        // value: its name in upper case; called without arguments
    expression,      // value: its words in the form of spelled()
  };
  kind what = kind::null;
  std::string value;
  std::string heading; // the column's name
};

// SELECT item [[AS] alias], ... [FROM DUAL] [LIMIT n].
[[nodiscard]] std::optional<std::vector<plain_item>> read_plain_select(std::string_view text,
                                                                       const dialect& how);

// An expression's words, one blank between them, names and keywords in upper case: to compare two of them.
[[nodiscard]] std::string spelled(std::string_view expression, const dialect& how);

struct plain_show {
  enum class subject : std::uint8_t { variables, warnings, errors, warning_count, error_count };
  subject what = subject::variables;
  std::optional<std::string> like;               // a pattern
  std::optional<std::vector<std::string>> names; // WHERE Variable_name = ...: in lower case
};
// SHOW [SESSION | LOCAL] VARIABLES [LIKE pattern | WHERE Variable_name {= name [OR ...] | IN (name, ...)}],
// SHOW {WARNINGS | ERRORS} [LIMIT n], SHOW COUNT(*) {WARNINGS | ERRORS}.
[[nodiscard]] std::optional<plain_show> read_plain_show(std::string_view text, const dialect& how);

// Whether a name matches a LIKE pattern (%, _, \ before either), without regard to case.
[[nodiscard]] bool is_like(std::string_view name, std::string_view pattern);

} // namespace holdwater::protocol::sql
