#include "protocol/sql/lasting_reads.hpp"

#include "protocol/sql/lexer.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>

namespace holdwater::protocol::sql {
namespace {

char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
}

// Of ASCII words, and cheap where they differ: each query is asked.
bool iequals(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return upper(x) == upper(y); });
}

constexpr trait of_the_session =
    trait::reads_user_variable | trait::reads_system_variable | trait::random_value;

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

// LIKE 'one name', behind SHOW GLOBAL VARIABLES. Who asks for what tells the part that the server plays just
// now asks for the server itself.
bool shows_a_setting(lexer in) {
  constexpr std::array<std::string_view, 5> of_the_moment{"%", "ONLY", "GTID", "WSREP", "TIMESTAMP"};
  if (!iequals(in.next().text, "LIKE")) return false;
  const auto name = in.next();
  return name.kind == token_kind::string && in.next().kind == token_kind::end &&
         std::none_of(of_the_moment.begin(), of_the_moment.end(),
                      [&](std::string_view word) { return contains(name.text, word); });
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
  if (!is_pure_read(one) || has(one.traits, of_the_session)) return false;
  for (const auto& table : one.tables)
    if (!is_lasting_table(table, database)) return false;
  if (one.kind == kind::show) return is_lasting_show(text.substr(one.offset, one.size), one, how);
  return !one.tables.empty();
}

bool tells_of_one_server(std::string_view text, const statement& one, const dialect& how) {
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
