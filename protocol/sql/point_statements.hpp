// Statements about single rows, by values that stand in the text: SELECT columns FROM t WHERE id = 5, and the
// writes that say whole rows or new values of columns. Who knows the table can tell from them what a row
// becomes.
//
// Rule: what has anything else in it is not read; nobody guesses.
//
// Source: MySQL "SELECT Statement", "UPDATE Statement", "DELETE Statement", "INSERT Statement", "Literal
// Values".
#pragma once

#include "protocol/sql/analysis.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::protocol::sql {

// What stands where a value may.
struct given_value {
  enum class kind : std::uint8_t {
    null,
    number,      // text: digits, with a minus and a fraction where they are written; TRUE is 1
    text,        // text: the bytes that the quotes hold
    by_default,  // DEFAULT
    moment,      // NOW(), CURRENT_TIMESTAMP
    placeholder, // index: which one, from 0
    other,       // an expression
  };
  kind what = kind::other;
  std::string text{};
  std::size_t index = 0;
};

struct column_value {
  std::string column; // unquoted, as written
  given_value value;
};

// SELECT item, ... FROM [schema.]table [[AS] alias] WHERE column = value [AND ...] [LIMIT n]
struct point_read {
  struct part {
    std::size_t from = 0, size = 0; // in the text
  };
  name schema, table;
  std::vector<std::string> columns; // unquoted; empty for *
  std::vector<column_value> where;  // values: number, placeholder or other
  std::vector<part> values;         // where those stand in the text, in its order
};
[[nodiscard]] std::optional<point_read> read_point_select(std::string_view text, const dialect& how);

// UPDATE [schema.]table [[AS] alias] SET column = value, ... WHERE column = value [AND ...]; DELETE likewise,
// which sets nothing.
struct point_change {
  bool erases = false;
  name table;
  std::vector<column_value> set;
  std::vector<column_value> where;
};
[[nodiscard]] std::optional<point_change> read_point_change(std::string_view text, const dialect& how);

// INSERT [INTO] table [(columns)] VALUES (value, ...), ...: each row's values. Precondition: `one` is the
// only statement of `text`. Nothing: it has another form, or more than `most_rows`.
[[nodiscard]] std::optional<std::vector<std::vector<given_value>>>
read_inserted_rows(std::string_view text, const statement& one, const dialect& how,
                   std::size_t most_rows = 1000);

} // namespace holdwater::protocol::sql
