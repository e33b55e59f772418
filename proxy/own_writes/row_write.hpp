// What a queued write does to the rows of a table, as far as its text and values tell it.
#pragma once

#include "protocol/handshake.hpp"
#include "protocol/sql/point_statements.hpp"
#include "spool/unit.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace holdwater::proxy {

struct row_write {
  spool::table_name table;
  std::optional<protocol::sql::point_write> what; // nothing: it may do anything to the table
  std::uint64_t insert_id = 0;                    // the first one that was reserved for its rows, 0: none
  std::uint64_t increment = 1;
};

// One for each table that the statement writes.
[[nodiscard]] std::vector<row_write> row_writes_of(const spool::statement& one,
                                                   const protocol::server_version& server);
[[nodiscard]] std::vector<row_write> row_writes_of(const spool::unit& one,
                                                   const protocol::server_version& server);

// A bound value: its type as MYSQL_TYPE_..., its bytes without a length before them; nothing: NULL.
[[nodiscard]] protocol::sql::plain_value plain_value_of(std::uint8_t type, bool is_unsigned,
                                                        std::optional<std::string_view> bytes);

} // namespace holdwater::proxy
