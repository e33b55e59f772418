// Reads from the server what its tables are.
//
// Source: MySQL and MariaDB, "INFORMATION_SCHEMA Tables" (TABLES, COLUMNS, STATISTICS, TRIGGERS,
// REFERENTIAL_CONSTRAINTS, TABLE_CONSTRAINTS, CHECK_CONSTRAINTS, USER_PRIVILEGES and its like).
#pragma once

#include "proxy/own_writes/table_type.hpp"
#include "spool/mysql_connection.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace holdwater::proxy {

// The account that asks, as the tables of privileges name it.
inline constexpr std::string_view grantee_of_asker =
    "CONCAT('\\'', SUBSTRING(CURRENT_USER(), 1, CHAR_LENGTH(CURRENT_USER()) - "
    "CHAR_LENGTH(SUBSTRING_INDEX(CURRENT_USER(), '@', -1)) - 1), '\\'@\\'', "
    "SUBSTRING_INDEX(CURRENT_USER(), '@', -1), '\\'')";

// The rows of those tables, as far as they are asked for.
struct schema_rows {
  std::vector<spool::result_row> tables;     // name, type, engine, options
  std::vector<spool::result_row> columns;    // see read_types.cpp
  std::vector<spool::result_row> indexes;    // table, index, place, column, not unique, length of the prefix
  std::vector<spool::result_row> triggers;   // schema and table
  std::vector<spool::result_row> references; // child's schema and table, ON UPDATE, ON DELETE
  std::vector<spool::result_row> checks;     // table
  bool mariadb = false;
};
[[nodiscard]] std::vector<table_type> types_from(const std::string& schema, const schema_rows& rows);

struct known_types {
  std::vector<table_type> tables;
  std::string trouble; // why none can be known, for the log; empty when they are
};
[[nodiscard]] spool::server_result<known_types> read_types(spool::mysql_connection& server,
                                                           const std::string& schema);

} // namespace holdwater::proxy
