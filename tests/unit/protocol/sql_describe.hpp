// A line of text for what an analysis found, so that a test row is two strings: the statement and what is
// known of it.
//
// Example: "INSERT upsert clock_value | db.t! u | values 2 (a, b)": the kind, "pure" for a pure read, the
// traits; the tables, '!' when written; then what the kind adds. Statements of one text are joined with " ;
// ".
#pragma once

#include "protocol/sql/analysis.hpp"

#include <string>
#include <string_view>

namespace holdwater::protocol::sql {

inline dialect mariadb() {
  dialect how;
  how.mariadb = true;
  how.version = 101100;
  return how;
}

inline dialect mysql() {
  dialect how;
  how.version = 90700;
  return how;
}

struct row {
  std::string_view text;
  std::string_view found;
};

[[nodiscard]] std::string describe(const statement& one);
[[nodiscard]] std::string describe(std::string_view text, const dialect& how);
[[nodiscard]] std::string traits_of(const statement& one);

} // namespace holdwater::protocol::sql
