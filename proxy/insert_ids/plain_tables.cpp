// Source: MySQL and MariaDB, "INFORMATION_SCHEMA Tables" (COLUMNS, TRIGGERS, REFERENTIAL_CONSTRAINTS,
// SCHEMA_PRIVILEGES, USER_PRIVILEGES).
#include "proxy/insert_ids/plain_tables.hpp"

#include "spool/context_sql.hpp"

#include <fmt/format.h>

namespace holdwater::proxy {
namespace {

// The present account as the tables of privileges have it: 'user'@'host'.
constexpr auto grantee = "CONCAT('''', SUBSTRING(CURRENT_USER(), 1, CHAR_LENGTH(CURRENT_USER()) - 1 - "
                         "CHAR_LENGTH(SUBSTRING_INDEX(CURRENT_USER(), '@', -1))), '''@''', "
                         "SUBSTRING_INDEX(CURRENT_USER(), '@', -1), '''')";

// What makes a column's value something else than what was written, or another type's.
constexpr auto of_its_own =
    "EXTRA LIKE '%on update%' OR EXTRA LIKE '%VIRTUAL%' OR EXTRA LIKE '%STORED%' OR EXTRA LIKE "
    "'%PERSISTENT%' OR "
    "DATA_TYPE NOT IN ('tinyint','smallint','mediumint','int','bigint','decimal','numeric','float','double',"
    "'real','bit','char','varchar','binary','varbinary','tinytext','text','mediumtext','longtext','tinyblob',"
    "'blob','mediumblob','longblob','date','time','datetime','timestamp','year','enum','set','json') OR "
    "CHARACTER_SET_NAME NOT IN ('utf8mb4','utf8mb3','utf8','latin1','ascii')";

spool::server_result<void> erase_named(spool::mysql_connection& server, const std::string& sql,
                                       std::set<std::string>& from) {
  auto found = server.query(sql);
  if (!found) return found.error();
  for (const auto& row : found->rows)
    if (!row.empty() && row[0]) from.erase(*row[0]);
  return {};
}

} // namespace

bool plain_tables::has(const std::string& schema, const std::string& table) const {
  const std::lock_guard lock(mutex_);
  return schema == schema_ && tables_.count(table) != 0;
}

void plain_tables::forget() {
  const std::lock_guard lock(mutex_);
  ++version_;
  tables_.clear();
}

void plain_tables::replace(std::uint64_t version, std::string schema, std::set<std::string> tables) {
  const std::lock_guard lock(mutex_);
  if (version != version_) return;
  schema_ = std::move(schema);
  tables_ = std::move(tables);
}

std::uint64_t plain_tables::version() const {
  const std::lock_guard lock(mutex_);
  return version_;
}

spool::server_result<std::set<std::string>> read_plain_tables(spool::mysql_connection& server,
                                                              const std::string& schema) {
  const auto name = spool::hex_literal(schema);
  std::set<std::string> plain;
  auto sees = server.query(fmt::format(
      "SELECT 1 FROM information_schema.USER_PRIVILEGES WHERE PRIVILEGE_TYPE='TRIGGER' AND GRANTEE={0} UNION "
      "ALL "
      "SELECT 1 FROM information_schema.SCHEMA_PRIVILEGES WHERE PRIVILEGE_TYPE='TRIGGER' AND GRANTEE={0} AND "
      "CONVERT({1} USING utf8mb4) LIKE TABLE_SCHEMA",
      grantee, name));
  if (!sees) return sees.error();
  if (sees->rows.empty()) return plain;
  auto tables =
      server.query("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_TYPE='BASE TABLE' AND "
                   "ENGINE='InnoDB' AND TABLE_SCHEMA=" +
                   name);
  if (!tables) return tables.error();
  for (const auto& row : tables->rows)
    if (!row.empty() && row[0]) plain.insert(*row[0]);
  for (const auto& sql :
       {fmt::format(
            "SELECT DISTINCT TABLE_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA={} AND ({})", name,
            of_its_own),
        fmt::format("SELECT DISTINCT EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS WHERE "
                    "EVENT_OBJECT_SCHEMA={}",
                    name),
        fmt::format(
            "SELECT DISTINCT TABLE_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE "
            "CONSTRAINT_SCHEMA={} AND (UPDATE_RULE NOT IN ('RESTRICT','NO ACTION') OR DELETE_RULE NOT IN "
            "('RESTRICT','NO ACTION'))",
            name)})
    if (auto done = erase_named(server, sql, plain); !done) return done.error();
  return plain;
}

} // namespace holdwater::proxy
