// Reads what the server knows: who it is, its tables, what a row of a table must hold.
//
// Source: MySQL and MariaDB, "INFORMATION_SCHEMA Tables" (TABLES, COLUMNS, STATISTICS, TRIGGERS).
#pragma once

#include "proxy/insert_ids/fill_values.hpp"
#include "proxy/insert_ids/server_identity.hpp"
#include "proxy/insert_ids/table_facts.hpp"
#include "spool/mysql_connection.hpp"

#include <optional>
#include <string>
#include <vector>

namespace holdwater::proxy {

// What everything here and in reservation.hpp relies on; once a connection.
[[nodiscard]] spool::server_result<void> prepare_session(spool::mysql_connection& server);

[[nodiscard]] spool::server_result<server_identity> read_identity(spool::mysql_connection& server);

// All tables and views of a schema. One whose AUTO_INCREMENT column the account may not see is left out: it
// is unknown.
[[nodiscard]] spool::server_result<std::vector<table_facts>> read_schema(spool::mysql_connection& server,
                                                                         const std::string& schema);
// The names alone, sorted: cheap, to notice that tables came or went.
[[nodiscard]] spool::server_result<std::vector<std::string>> read_names(spool::mysql_connection& server,
                                                                        const std::string& schema);
[[nodiscard]] spool::server_result<std::optional<table_facts>> read_table(spool::mysql_connection& server,
                                                                          const spool::table_name& name);

[[nodiscard]] spool::server_result<std::vector<unique_column>>
read_unique_columns(spool::mysql_connection& server, const spool::table_name& name);
// True when a row has an id of first, first + step, ..., last.
[[nodiscard]] spool::server_result<bool> has_row(spool::mysql_connection& server,
                                                 const spool::table_name& name, const std::string& column,
                                                 std::uint64_t first, std::uint64_t last, std::uint64_t step);

// Needs the TRIGGER right to see any.
[[nodiscard]] spool::server_result<bool> has_insert_trigger(spool::mysql_connection& server,
                                                            const spool::table_name& name);

} // namespace holdwater::proxy
