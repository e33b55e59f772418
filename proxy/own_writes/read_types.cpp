#include "proxy/own_writes/read_types.hpp"

#include "proxy/own_writes/types_from_rows.hpp"
#include "spool/context_sql.hpp"

#include <boost/algorithm/string/predicate.hpp>
#include <fmt/format.h>

namespace holdwater::proxy {
namespace {

using spool::mysql_connection;
using spool::result_row;
using spool::server_result;

// Whether a trigger of the schema would be seen: its tables' triggers are shown only to who has the right. Of
// several grants that fit the schema's name one counts, so all of them must give it.
constexpr std::string_view may_see_triggers =
    "SELECT (SELECT COUNT(*) FROM information_schema.USER_PRIVILEGES WHERE PRIVILEGE_TYPE='TRIGGER' AND "
    "GRANTEE={0}) > 0 OR (SELECT COUNT(*) > 0 AND COUNT(DISTINCT TABLE_SCHEMA) = COUNT(DISTINCT "
    "IF(PRIVILEGE_TYPE='TRIGGER', TABLE_SCHEMA, NULL)) FROM information_schema.SCHEMA_PRIVILEGES WHERE "
    "GRANTEE={0} AND {1} LIKE TABLE_SCHEMA)";
// The same statement's rows, or the first trouble.
struct questions {
  mysql_connection& server;
  std::optional<spool::server_error> error{};

  std::vector<result_row> rows(const std::string& sql) {
    if (error) return {};
    auto said = server.query(sql);
    if (said) return std::move(said->rows);
    error = said.error();
    return {};
  }
  std::string value(const std::string& sql, std::size_t column = 0) {
    const auto all = rows(sql);
    return all.empty() ? std::string() : cell_text(all.front(), column);
  }
};

std::string why_not_known(questions& ask, const std::string& schema) {
  if (ask.value("SELECT @@lower_case_table_names") != "0")
    return "the server does not tell tables apart by the case of their names";
  if (boost::algorithm::iequals(ask.value("SHOW VARIABLES LIKE 'partial_revokes'", 1), "ON"))
    return "with partial_revokes it cannot be told whether the account sees triggers";
  const auto sees = ask.value(fmt::format(may_see_triggers, grantee_of_asker, spool::hex_literal(schema)));
  if (!ask.error && (sees.empty() || sees == "0"))
    return fmt::format("the account has no TRIGGER right on {}, so triggers cannot be seen", schema);
  return {};
}

schema_rows ask_for_rows(questions& ask, const std::string& schema) {
  const auto name = spool::hex_literal(schema);
  schema_rows out;
  out.mariadb = ask.server.server_version().find("MariaDB") != std::string::npos;
  const auto from = [&](std::string_view columns, std::string_view table, std::string_view where) {
    return ask.rows(fmt::format("SELECT {} FROM information_schema.{} WHERE {}", columns, table, where));
  };
  const auto of_table = fmt::format("TABLE_SCHEMA={}", name);
  out.tables = from("TABLE_NAME, TABLE_TYPE, ENGINE, CREATE_OPTIONS", "TABLES", of_table);
  out.columns = from("TABLE_NAME, ORDINAL_POSITION, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE, "
                     "COLUMN_DEFAULT, EXTRA, CHARACTER_SET_NAME, COLLATION_NAME, CHARACTER_MAXIMUM_LENGTH, "
                     "CHARACTER_OCTET_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE, DATETIME_PRECISION, "
                     "GENERATION_EXPRESSION",
                     "COLUMNS", of_table + " ORDER BY TABLE_NAME, ORDINAL_POSITION");
  out.indexes = from("TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME, NON_UNIQUE, SUB_PART", "STATISTICS",
                     of_table + " ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX");
  out.triggers = from("EVENT_OBJECT_SCHEMA, EVENT_OBJECT_TABLE", "TRIGGERS",
                      fmt::format("EVENT_OBJECT_SCHEMA={}", name));
  out.references = from("CONSTRAINT_SCHEMA, TABLE_NAME, UPDATE_RULE, DELETE_RULE", "REFERENTIAL_CONSTRAINTS",
                        fmt::format("CONSTRAINT_SCHEMA={0} OR UNIQUE_CONSTRAINT_SCHEMA={0}", name));
  out.checks = out.mariadb
                   ? from("TABLE_NAME", "CHECK_CONSTRAINTS", fmt::format("CONSTRAINT_SCHEMA={}", name))
                   : from("TABLE_NAME", "TABLE_CONSTRAINTS",
                          fmt::format("CONSTRAINT_SCHEMA={} AND CONSTRAINT_TYPE='CHECK'", name));
  return out;
}

} // namespace

server_result<known_types> read_types(mysql_connection& server, const std::string& schema) {
  questions ask{server};
  ask.rows("SET NAMES utf8mb4");
  ask.rows("SET SESSION sql_mode=''");
  known_types out;
  out.trouble = why_not_known(ask, schema);
  if (ask.error) return *ask.error;
  if (!out.trouble.empty()) return out;
  const auto rows = ask_for_rows(ask, schema);
  if (ask.error) return *ask.error;
  out.tables = types_from(schema, rows);
  return out;
}

} // namespace holdwater::proxy
