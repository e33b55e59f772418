// What the rows of information_schema say of tables. No I/O.
#pragma once

#include "spool/mysql_connection.hpp"

#include <cstddef>
#include <string>

namespace holdwater::proxy {

// Empty for NULL.
[[nodiscard]] inline std::string cell_text(const spool::result_row& row, std::size_t column) {
  return column < row.size() && row[column] ? *row[column] : std::string();
}

} // namespace holdwater::proxy
