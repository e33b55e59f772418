#include "protocol/sql/lasting_reads.hpp"

#include "protocol/sql/characters.hpp"
#include "protocol/sql/lexer.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>

namespace holdwater::protocol::sql {
namespace {

// Of the server's own schemas only what describes tables: the rest is of the moment, or of the accounts.
constexpr std::string_view information_schema = "information_schema";
constexpr std::array<std::string_view, 4> schemas_of_the_server{"mysql", information_schema,
                                                                "performance_schema", "sys"};
constexpr std::array<std::string_view, 18> describing_tables{"tables",
                                                             "columns",
                                                             "statistics",
                                                             "key_column_usage",
                                                             "table_constraints",
                                                             "referential_constraints",
                                                             "schemata",
                                                             "views",
                                                             "routines",
                                                             "parameters",
                                                             "triggers",
                                                             "events",
                                                             "engines",
                                                             "character_sets",
                                                             "collations",
                                                             "partitions",
                                                             "check_constraints",
                                                             "collation_character_set_applicability"};

constexpr std::array<std::string_view, 14> shown{"TABLES",  "COLUMNS",  "FIELDS",    "INDEX",   "INDEXES",
                                                 "KEYS",    "CREATE",   "DATABASES", "SCHEMAS", "COLLATION",
                                                 "CHARSET", "TRIGGERS", "EVENTS",    "ENGINES"};
constexpr std::array<std::string_view, 8> shown_as_created{"TABLE",   "VIEW",      "DATABASE", "SCHEMA",
                                                           "TRIGGER", "PROCEDURE", "FUNCTION", "EVENT"};

bool is_one_of(std::string_view word, std::span<const std::string_view> list) {
  return std::any_of(list.begin(), list.end(), [&](auto one) { return iequals(one, word); });
}

bool is_lasting_table(const table_ref& table, std::string_view database) {
  const std::string named = table.schema.empty() ? std::string() : table.schema.unquoted();
  const auto schema = table.schema.empty() ? database : std::string_view(named);
  return !is_schema_of_the_server(schema) ||
         (iequals(schema, information_schema) && is_one_of(table.table.unquoted(), describing_tables));
}

bool contains(std::string_view text, std::string_view word) {
  return std::search(text.begin(), text.end(), word.begin(), word.end(),
                     [](char x, char y) { return upper(x) == y; }) != text.end();
}

// What tells where the server's data is just now, or the cluster's state: not its settings.
bool is_a_setting(std::string_view name) {
  constexpr std::array<std::string_view, 3> of_the_moment{"GTID", "WSREP", "TIMESTAMP"};
  return std::none_of(of_the_moment.begin(), of_the_moment.end(),
                      [&](std::string_view word) { return contains(name, word); });
}

// LIKE 'one name', behind SHOW GLOBAL VARIABLES.
bool shows_a_setting(lexer in) {
  if (!iequals(in.next().text, "LIKE")) return false;
  const auto name = in.next();
  return name.kind == token_kind::string && in.next().kind == token_kind::end &&
         name.text.find('%') == name.text.npos && is_a_setting(name.text);
}

// A SELECT without a table whose variables are all @@GLOBAL.name.
bool selects_settings(std::string_view words, const dialect& how) {
  lexer in(words, how);
  for (auto token = in.next(); token.kind != token_kind::end; token = in.next()) {
    if (token.kind != token_kind::system_variable) continue;
    if (!iequals(token.text, "@@GLOBAL") || !in.next().is('.') || !is_a_setting(in.next().text)) return false;
  }
  return true;
}

// SHOW, DESCRIBE of a table. Not EXPLAIN of a statement.
bool is_lasting_show(std::string_view words, const statement& one, const dialect& how) {
  lexer in(words, how);
  const auto first = in.next();
  auto second = in.next();
  if (iequals(first.text, "SHOW")) {
    while (iequals(second.text, "FULL") || iequals(second.text, "EXTENDED")) second = in.next();
    const auto third = in.next();
    if (iequals(second.text, "CREATE")) return is_one_of(third.text, shown_as_created);
    if (iequals(second.text, "GLOBAL")) return iequals(third.text, "VARIABLES") && shows_a_setting(in);
    if (iequals(second.text, "TABLE") || iequals(second.text, "PROCEDURE") ||
        iequals(second.text, "FUNCTION"))
      return iequals(third.text, "STATUS");
    if (iequals(second.text, "CHARACTER")) return iequals(third.text, "SET");
    return is_one_of(second.text, shown);
  }
  if (one.tables.size() != 1) return false;
  const auto& table = one.tables.front();
  return second.text == table.table.raw || (!table.schema.empty() && second.text == table.schema.raw);
}

} // namespace

bool is_schema_of_the_server(std::string_view schema) {
  return is_one_of(schema, schemas_of_the_server);
}

bool is_lasting_read(std::string_view text, const statement& one, std::string_view database,
                     const dialect& how) {
  if (!is_pure_read(one) || has(one.traits, trait::reads_user_variable | trait::random_value)) return false;
  if (has(one.traits, trait::reads_system_variable))
    return one.kind == kind::select && one.tables.empty() &&
           selects_settings(text.substr(one.offset, one.size), how);
  for (const auto& table : one.tables)
    if (!is_lasting_table(table, database)) return false;
  if (one.kind == kind::show) return is_lasting_show(text.substr(one.offset, one.size), one, how);
  return !one.tables.empty();
}

bool tells_of_one_server(std::string_view text, const statement& one, const dialect& how) {
  if (one.kind == kind::select) return one.tables.empty();
  if (one.kind != kind::show) return false;
  lexer in(text.substr(one.offset, one.size), how);
  static_cast<void>(in.next());
  return iequals(in.next().text, "GLOBAL");
}

bool changes_rights(std::string_view text, const statement& one, const dialect& how) {
  if (one.is_write())
    return std::any_of(one.tables.begin(), one.tables.end(), [](const table_ref& table) {
      return table.written && iequals(table.schema.unquoted(), "mysql");
    });
  if (one.kind != kind::ddl && one.kind != kind::admin) return false;
  lexer in(text.substr(one.offset, one.size), how);
  const auto first = in.next();
  if (iequals(first.text, "GRANT") || iequals(first.text, "REVOKE")) return true;
  auto second = in.next();
  if (iequals(second.text, "OR")) { // CREATE OR REPLACE ROLE
    static_cast<void>(in.next());
    second = in.next();
  }
  return iequals(second.text, "USER") || iequals(second.text, "ROLE") || iequals(second.text, "PRIVILEGES");
}

} // namespace holdwater::protocol::sql
