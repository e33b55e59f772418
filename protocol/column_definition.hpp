// A column definition of our own, as in a result set or the answer to COM_STMT_PREPARE.
//
// Source: MySQL "Protocol::ColumnDefinition41"; MariaDB "Column definition packet" (the extended-metadata
// field).
#pragma once

#include "protocol/capabilities.hpp"
#include "protocol/packet.hpp"

#include <cstdint>
#include <string_view>

namespace holdwater::protocol {

struct column_definition {
  std::string_view name;
  std::uint16_t collation = 45;   // utf8mb4_general_ci: known to every MySQL and MariaDB
  std::uint32_t length = 4 * 512; // bytes, as servers give for SHOW WARNINGS' message
  std::uint8_t type = 0xfd;       // MYSQL_TYPE_VAR_STRING
  std::uint16_t flags = 0x0001;   // NOT_NULL
  std::uint8_t decimals = 0x1f;   // not fixed
  std::string_view schema;
  std::string_view table; // also its original name
  std::string_view original_name;

  friend bool operator==(const column_definition&, const column_definition&) = default;
};

// Appends one whole packet.
void append_column_definition(byte_buffer& out, std::uint8_t sequence, const column_definition& column,
                              capabilities negotiated);

} // namespace holdwater::protocol
