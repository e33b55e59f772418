// Statements about the rows of one table whose one column equals one whole number, in the plain forms that
// frameworks write: a SELECT of plain columns, an UPDATE, a DELETE; and an INSERT of rows with their columns
// named. What such a write does to what such a read shows can be told without a server.
//
// Rule: what has anything else in it is not read; nobody guesses. Qualifiers and aliases are passed over,
// since there is only one table that they can mean.
//
//   SELECT * | column [AS name], ... FROM t [[AS] alias] WHERE column = 5 [LIMIT 1]
//   UPDATE t [[AS] alias] SET column = value, ... WHERE column = 5
//   DELETE FROM t WHERE column = 5                       -- each also with IN (5), in parentheses, with a ?
//   INSERT INTO t (column, ...) VALUES (value, ...), ...
#pragma once

#include "protocol/sql/analysis.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdwater::protocol::sql {

// A value, as far as the text tells it.
struct plain_value {
  enum class kind : std::uint8_t {
    uncertain, // an expression, a fraction, a date, ...
    null,
    integer, // bytes: its digits, perhaps behind a '-', no zero before them
    text,    // bytes: its own, in the client's character set
  };
  kind what = kind::uncertain;
  std::string bytes;

  friend bool operator==(const plain_value&, const plain_value&) = default;
};

// column = number
struct point {
  std::string column;
  std::string number;  // as plain_value::integer
  bool quoted = false; // it is the text of a number: equal as a number only where the column is one

  friend bool operator==(const point&, const point&) = default;
};

struct point_write {
  enum class kind : std::uint8_t { insert, update, erase };
  kind what = kind::insert;
  point where;                                               // of update and erase
  std::vector<std::pair<std::string, plain_value>> assigned; // of update, in its order
  std::vector<std::string> columns;                          // of insert
  std::vector<std::vector<plain_value>> rows;                // each as long as columns

  friend bool operator==(const point_write&, const point_write&) = default;
};

// `bound`: the values of the ?, in their order. Precondition: the text is one statement that was analysed as
// a read, or a write, of one table.
[[nodiscard]] std::optional<point> read_point_select(std::string_view text, const dialect& how,
                                                     std::span<const plain_value> bound);
[[nodiscard]] std::optional<point_write> read_point_write(std::string_view text, const dialect& how,
                                                          std::span<const plain_value> bound);

// "+007" is 7, "-0" is 0; nothing for what is no whole number.
[[nodiscard]] std::optional<std::string> whole_number(std::string_view text);

} // namespace holdwater::protocol::sql
