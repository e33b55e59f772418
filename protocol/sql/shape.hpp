// A statement without its values: what may be shown where data may not.
//
// Invariant: no byte of a literal or of a comment is in a shape. Where the text's reading is doubtful, a
// shape ends there.
#pragma once

#include "protocol/sql/analysis.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace holdwater::protocol::sql {

// "INSERT INTO t (a, b) VALUES (?, ...)": literals are ?, and a list of nothing but them is cut to the first.
// At most about `longest` bytes, and dots for what is left out.
[[nodiscard]] std::string shape_of(std::string_view text, const dialect& how, std::size_t longest = 500);

// The server's words without what they quote: a message may repeat a value, and names look alike.
[[nodiscard]] std::string without_quotes(std::string_view message);

} // namespace holdwater::protocol::sql
