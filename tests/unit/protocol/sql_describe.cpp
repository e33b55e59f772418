#include "sql_describe.hpp"

#include <array>

namespace holdwater::protocol::sql {
namespace {

constexpr std::array<std::string_view, 22> trait_names{
    "locking_read",          "into_target",      "returning",     "reads_variable",   "writes_variable",
    "reads_system_variable", "temporary_table",  "named_lock",    "session_function", "deferred_hazard",
    "unknown_function",      "found_rows",       "select_source", "upsert",           "multi_table",
    "sequence_access",       "chain_or_release", "read_only",     "random_value",     "clock_value",
    "placeholder",           "partial"};

constexpr std::array<std::string_view, 7> target_names{
    "session", "global", "next transaction", "user", "names", "character set", "other"};

std::string tables_of(const statement& one) {
  std::string out;
  for (const auto& table : one.tables) {
    out += out.empty() ? "" : " ";
    if (!table.schema.empty()) out += table.schema.unquoted() + ".";
    out += table.table.unquoted() + (table.written ? "!" : "");
  }
  return out;
}

std::string assignments_of(const statement& one) {
  std::string out;
  for (const auto& each : one.assignments) {
    out += out.empty() ? "" : ", ";
    out += target_names[static_cast<std::size_t>(each.where)];
    if (!each.variable.empty()) out += " " + each.variable.unquoted();
    out += each.literal ? " = " : " : ";
    out += each.value;
    if (!each.extra.empty()) out += " collate " + std::string(each.extra);
  }
  return out;
}

std::string shape_of(const insert_shape& shape) {
  constexpr std::array<std::string_view, 4> sources{"none", "values", "set", "select"};
  std::string out(sources[static_cast<std::size_t>(shape.from)]);
  if (shape.rows > 0) out += " " + std::to_string(shape.rows);
  std::string columns;
  for (const auto& column : shape.columns) columns += (columns.empty() ? "" : ", ") + column.unquoted();
  if (!columns.empty()) out += " (" + columns + ")";
  if (shape.ignore) out += " ignore";
  if (shape.on_duplicate) out += " on duplicate";
  return out;
}

} // namespace

std::string traits_of(const statement& one) {
  std::string out;
  for (std::size_t i = 0; i < trait_names.size(); ++i)
    if (has(one.traits, static_cast<trait>(1u << i))) out += " " + std::string(trait_names[i]);
  return out;
}

std::string describe(const statement& one) {
  std::string out(name_of(one.kind));
  if (is_pure_read(one)) out += " pure";
  out += traits_of(one);
  if (!one.tables.empty()) out += " | " + tables_of(one);
  if (one.kind == kind::insert || one.kind == kind::replace) out += " | " + shape_of(one.insert);
  if (!one.assignments.empty()) out += " | " + assignments_of(one);
  if (!one.subject.empty()) out += " | <" + one.subject.unquoted() + ">";
  return out;
}

std::string describe(std::string_view text, const dialect& how) {
  analysis found;
  found.analyze(text, how);
  std::string out;
  for (const auto& one : found.statements()) out += (out.empty() ? "" : " ; ") + describe(one);
  return out;
}

} // namespace holdwater::protocol::sql
