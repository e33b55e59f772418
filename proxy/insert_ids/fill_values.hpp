// Values for the rows that reserve ids: two of them must not meet in a unique index, nor meet a row of the
// table. The rows are rolled back, so any value will do that nobody else has.
#pragma once

#include "spool/mysql_connection.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::proxy {

// A column of a unique index, as information_schema describes it.
struct unique_column {
  std::string index;
  std::string name;         // empty for an indexed expression
  std::uint64_t prefix = 0; // indexed characters; 0 for the whole value
  std::string type;         // DATA_TYPE: "varchar"
  std::uint64_t length = 0; // of a string, in characters
  bool nullable = false;
  bool generated = false; // computed by the server
};

// The columns that a reserving row must fill, besides the AUTO_INCREMENT column.
struct fill_plan {
  std::vector<unique_column> columns;
  std::string obstacle; // why distinct rows cannot be made, empty if they can

  [[nodiscard]] std::string column_list() const; // ", `email`"
  [[nodiscard]] std::string
  values(std::uint64_t seed) const; // ", '00f3a90b12c4'": distinct for neighbouring seeds
};

// `columns` in the order of their indexes.
[[nodiscard]] fill_plan plan_fill(const std::vector<unique_column>& columns, std::string_view id_column);

} // namespace holdwater::proxy
