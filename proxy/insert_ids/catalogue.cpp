#include "proxy/insert_ids/catalogue.hpp"

#include "spool/context_sql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

namespace holdwater::proxy {
namespace {

using spool::mysql_connection;
using spool::result_row;
using spool::server_result;

// Not strict: a column without a default takes an empty value. Checks off: a reserving row has no parent.
// Waits are short: nobody's transaction is worth disturbing. unique_checks stays on: with both checks off
// MariaDB fills an empty table in bulk, under a lock on the whole table.
constexpr auto session_settings =
    "SET SESSION sql_mode='', SESSION foreign_key_checks=0, SESSION unique_checks=1, SESSION "
    "time_zone='+00:00', "
    "SESSION autocommit=1, SESSION lock_wait_timeout=2, SESSION innodb_lock_wait_timeout=2 "
    "/*!80030 , SESSION information_schema_stats_expiry=0, "
    "SESSION show_gipk_in_create_table_and_information_schema=ON */"
    "/*M!100201 , SESSION check_constraint_checks=0 */";

std::string text(const result_row& row, std::size_t column) {
  return column < row.size() && row[column] ? *row[column] : std::string();
}

std::uint64_t number(const result_row& row, std::size_t column) {
  std::uint64_t value = 0;
  const auto digits = text(row, column);
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

// A name comes from the text of any account's statement and is asked for with the owner's rights, so its
// bytes are never part of the SQL.
std::string where(std::string_view schema_column, const std::string& schema, std::string_view table_column,
                  const std::string& table) {
  auto condition = fmt::format("{}={}", schema_column, spool::hex_literal(schema));
  if (!table.empty()) condition += fmt::format(" AND {}={}", table_column, spool::hex_literal(table));
  return condition;
}

std::string where_table(const std::string& schema, const std::string& table) {
  return where("TABLE_SCHEMA", schema, "TABLE_NAME", table);
}

bool contains(const std::string& extra, std::string_view word) {
  return extra.find(word) != std::string::npos;
}

struct id_column {
  std::string name, type;
  std::uint64_t position = 0;
  bool hidden = false;
};

// From the AUTO_INCREMENT and the invisible columns of all tables, in their order.
std::map<std::string, id_column> id_columns(const std::vector<result_row>& rows) {
  std::map<std::string, id_column> found;
  std::map<std::string, std::uint64_t> hidden_before;
  for (const auto& row : rows) {
    const auto table = text(row, 0);
    const auto extra = text(row, 4);
    const bool hidden = contains(extra, "INVISIBLE");
    if (contains(extra, "auto_increment"))
      found[table] = {text(row, 1), text(row, 3), number(row, 2) - 1 - hidden_before[table], hidden};
    if (hidden) ++hidden_before[table];
  }
  return found;
}

std::vector<table_facts> facts_from(const std::vector<result_row>& tables,
                                    const std::vector<result_row>& columns) {
  const auto ids = id_columns(columns);
  std::vector<table_facts> all;
  for (const auto& row : tables) {
    table_facts facts{
        {text(row, 0), text(row, 1)}, text(row, 2), text(row, 3), {}, {}, 0, false, number(row, 4)};
    const auto column = ids.find(facts.name.table);
    if (column != ids.end()) {
      facts.column = column->second.name;
      facts.column_type = column->second.type;
      facts.position = column->second.position;
      facts.hidden = column->second.hidden;
    } else if (row.size() > 4 && row[4]) {
      continue; // there is a counter, so there is a column that we may not see
    }
    all.push_back(std::move(facts));
  }
  return all;
}

server_result<std::vector<table_facts>> read(mysql_connection& server, const std::string& schema,
                                             const std::string& table) {
  const auto of_table = where_table(schema, table);
  auto tables = server.query("SELECT TABLE_SCHEMA, TABLE_NAME, ENGINE, CREATE_TIME, AUTO_INCREMENT "
                             "FROM information_schema.TABLES WHERE " +
                             of_table);
  if (!tables) return tables.error();
  auto columns = server.query("SELECT TABLE_NAME, COLUMN_NAME, ORDINAL_POSITION, COLUMN_TYPE, EXTRA "
                              "FROM information_schema.COLUMNS WHERE " +
                              of_table +
                              " AND (EXTRA LIKE '%auto_increment%' OR EXTRA LIKE '%INVISIBLE%') "
                              "ORDER BY TABLE_NAME, ORDINAL_POSITION");
  if (!columns) return columns.error();
  return facts_from(tables->rows, columns->rows);
}

// What information_schema.COLUMNS says of an indexed column.
void describe(unique_column& column, const result_row& row) {
  const auto extra = text(row, 4);
  column.type = text(row, 1);
  column.length = number(row, 2);
  column.nullable = text(row, 3) == "YES";
  column.generated = contains(extra, "GENERATED") && !contains(extra, "DEFAULT_GENERATED");
}

} // namespace

server_result<void> prepare_session(mysql_connection& server) {
  // An init_connect may have set another character set than the one that names are quoted for.
  for (const auto* sql :
       {"SET NAMES utf8mb4", session_settings, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"})
    if (auto done = server.query(sql); !done) return done.error();
  return {};
}

server_result<server_identity> read_identity(mysql_connection& server) {
  auto uptime = server.query("SHOW GLOBAL STATUS LIKE 'Uptime'");
  if (!uptime) return uptime.error();
  auto facts = server.query("SELECT CONCAT(@@hostname, ':', @@port, ' ', @@version), UNIX_TIMESTAMP(), "
                            "@@lower_case_table_names, @@auto_increment_increment");
  if (!facts) return facts.error();
  if (facts->rows.empty() || uptime->rows.empty())
    return spool::server_error{0, "", "the server does not say how long it has been running"};
  const auto& row = facts->rows[0];
  const auto started = static_cast<std::int64_t>(number(row, 1) - number(uptime->rows[0], 1));
  return server_identity{text(row, 0), started, number(row, 2) != 0,
                         std::max<std::uint64_t>(number(row, 3), 1)};
}

server_result<std::vector<table_facts>> read_schema(mysql_connection& server, const std::string& schema) {
  return read(server, schema, {});
}

server_result<std::vector<std::string>> read_names(mysql_connection& server, const std::string& schema) {
  auto found =
      server.query("SELECT TABLE_NAME FROM information_schema.TABLES WHERE " + where_table(schema, {}));
  if (!found) return found.error();
  std::vector<std::string> names;
  for (const auto& row : found->rows) names.push_back(text(row, 0));
  std::sort(names.begin(), names.end());
  return names;
}

server_result<std::optional<table_facts>> read_table(mysql_connection& server,
                                                     const spool::table_name& name) {
  auto found = read(server, name.schema, name.table);
  if (!found) return found.error();
  if (found->size() != 1) return std::optional<table_facts>();
  return std::optional<table_facts>(std::move(found->front()));
}

server_result<std::vector<unique_column>> read_unique_columns(mysql_connection& server,
                                                              const spool::table_name& name) {
  // Two statements: for a join MariaDB reads the definitions of all tables of all schemas.
  const auto of_table = where_table(name.schema, name.table);
  auto indexed =
      server.query("SELECT INDEX_NAME, COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS WHERE " +
                   of_table + " AND NON_UNIQUE=0 ORDER BY INDEX_NAME, SEQ_IN_INDEX");
  if (!indexed) return indexed.error();
  auto described = server.query("SELECT COLUMN_NAME, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH, IS_NULLABLE, EXTRA "
                                "FROM information_schema.COLUMNS WHERE " +
                                of_table);
  if (!described) return described.error();
  std::map<std::string, result_row> by_name;
  for (auto& row : described->rows) by_name.emplace(text(row, 0), std::move(row));
  std::vector<unique_column> columns;
  for (const auto& row : indexed->rows) {
    auto& column = columns.emplace_back(unique_column{text(row, 0), text(row, 1), number(row, 2)});
    if (const auto found = by_name.find(column.name); found != by_name.end()) describe(column, found->second);
  }
  return columns;
}

server_result<bool> has_row(mysql_connection& server, const spool::table_name& name,
                            const std::string& column, std::uint64_t first, std::uint64_t last,
                            std::uint64_t step) {
  const auto id = quoted(column);
  auto rows = server.query(
      fmt::format("SELECT 1 FROM {0} WHERE {1} BETWEEN {2} AND {3} AND ({1}-{2}) % {4} = 0 LIMIT 1",
                  quoted(name), id, first, last, step));
  if (!rows) return rows.error();
  return {boost::system::in_place_value, !rows->rows.empty()};
}

server_result<bool> has_insert_trigger(mysql_connection& server, const spool::table_name& name) {
  auto rows = server.query("SELECT 1 FROM information_schema.TRIGGERS WHERE " +
                           where("EVENT_OBJECT_SCHEMA", name.schema, "EVENT_OBJECT_TABLE", name.table) +
                           " AND EVENT_MANIPULATION='INSERT' LIMIT 1");
  if (!rows) return rows.error();
  return {boost::system::in_place_value, !rows->rows.empty()};
}

} // namespace holdwater::proxy
