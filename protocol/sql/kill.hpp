// What a KILL statement means to kill.
//
// Source: MySQL "KILL Statement"; MariaDB knowledge base "KILL [CONNECTION | QUERY]".
#pragma once

#include "protocol/sql/analysis.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace holdwater::protocol::sql {

struct kill_target {
  bool query_only = false; // KILL QUERY: the connection lives on
  bool literal = false;    // a connection's id, written as a number: the three below
  std::uint64_t id = 0;
  std::size_t offset = 0; // where the number stands in the text
  std::size_t size = 0;
};

// `text` holds the statement from `offset` on. Expressions, KILL USER and KILL QUERY ID are no literals.
[[nodiscard]] kill_target read_kill(std::string_view text, std::size_t offset, const dialect& how);

} // namespace holdwater::protocol::sql
