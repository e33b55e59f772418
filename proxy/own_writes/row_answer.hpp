// The answer to a read of one row, as the pending writes leave it. Pure.
//
// Invariant: what is answered has the server's own definitions of that statement's columns, and in the row
// only values that are known: those that were written, and behind an UPDATE those that the server answered
// to the very same read before.
#pragma once

#include "protocol/capabilities.hpp"
#include "protocol/packet.hpp"
#include "protocol/sql/point_statements.hpp"
#include "proxy/own_writes/pending_rows.hpp"
#include "proxy/own_writes/table_type.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::proxy {

// The positions of what is selected. Nothing: a column is not known.
[[nodiscard]] std::optional<std::vector<std::size_t>> selected_columns(const protocol::sql::point_read& read,
                                                                       const table_type& type);
struct row_question {
  const table_type& type;
  const std::vector<std::size_t>& columns;
  protocol::byte_span shape; // a stored result of the statement, for its definitions
  protocol::byte_span base;  // the stored result of this very read; empty: there is none
  protocol::capabilities negotiated = 0;
  std::string_view character_set_results;
  bool binary = false;
};
// A stored result. Nothing: not all of it is known.
[[nodiscard]] std::optional<protocol::byte_buffer> answer_row(const row_question& asked,
                                                              const pending_row& row);

} // namespace holdwater::proxy
