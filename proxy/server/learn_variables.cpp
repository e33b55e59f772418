// The server's system variables, which drivers and pools ask for on connect: their values for a fresh
// session.
//
// Source: MySQL "SHOW VARIABLES Statement", "Using System Variables" (a boolean is ON or OFF there, 1 or 0 in
// @@x).
#include "protocol/sql/plain_reads.hpp"
#include "proxy/server/learn.hpp"

#include <boost/algorithm/string/case_conv.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace holdwater::proxy {
namespace {

// What is only true of the connection that asks, or only at that moment.
constexpr std::array<std::string_view, 15> passing{
    "error_count", "external_user",  "identity",         "insert_id",    "in_transaction",
    "last_gtid",   "last_insert_id", "proxy_user",       "rand_seed1",   "rand_seed2",
    "sql_log_bin", "timestamp",      "pseudo_thread_id", "statement_id", "warning_count"};

bool is_passing(std::string_view name) {
  return name.starts_with("gtid_") || std::find(passing.begin(), passing.end(), name) != passing.end();
}

// Expressions without a table that a driver's first question holds, the whole of which is refused otherwise.
constexpr std::array<std::string_view, 1> asked_by_drivers{
    "CONVERT_TZ('2001-01-01 01:00:00', 'UTC', 'UTC') IS NOT NULL", // Django
};

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

protocol::column_definition as_described(const spool::answer_column& column, bool text) {
  constexpr std::uint32_t longest_character = 4; // of utf8mb4
  constexpr std::uint16_t binary = 63;
  protocol::column_definition out;
  if (!text) out.collation = binary; // or else the reader's own
  out.type = column.type;
  out.flags = column.flags;
  out.length = text ? column.length / longest_character : column.length;
  out.decimals = column.decimals;
  return out;
}

bool is_text(const spool::answer_column& column) {
  constexpr std::uint8_t type_var_string = 253;
  return column.type == type_var_string;
}

std::optional<system_variables> read_variables(spool::mysql_connection& connection, std::string& trouble) {
  const auto shown = connection.query("SHOW SESSION VARIABLES");
  if (!shown) {
    trouble = shown.error().text;
    return std::nullopt;
  }
  system_variables known;
  std::string question;
  for (const auto& row : shown->rows) {
    if (row.size() < 2 || !row[0]) continue;
    const auto name = boost::algorithm::to_lower_copy(*row[0]);
    if (!is_name(name) || is_passing(name)) continue;
    known[name].shown = row[1].value_or("");
  }
  for (const auto& [name, one] : known) question += (question.empty() ? "SELECT @@" : ", @@") + name;
  const auto said = connection.query(question);
  if (!said || said->rows.size() != 1 || said->rows[0].size() != known.size()) {
    trouble = said ? "not one value for each" : said.error().text;
    return std::nullopt;
  }
  std::size_t column = 0;
  for (auto& [name, one] : known) {
    one.value = said->rows[0][column];
    const auto& what = said->columns[column++];
    one.integer = what.integer;
    one.described = as_described(what, is_text(what));
  }
  return known;
}

std::vector<known_expression> read_expressions(spool::mysql_connection& connection) {
  std::vector<known_expression> known;
  for (const auto expression : asked_by_drivers) {
    const auto said = connection.query("SELECT " + std::string(expression));
    if (!said || said->rows.size() != 1) continue; // then it cannot be answered without the server either
    const auto& what = said->columns.at(0);
    known.push_back({protocol::sql::spelled(expression, {}), said->rows[0].at(0), what.integer,
                     as_described(what, false)});
  }
  return known;
}

} // namespace

void learn_variables(spool::mysql_connection& connection, profile_store& profile) {
  std::string trouble;
  auto variables = read_variables(connection, trouble);
  if (!variables) return spdlog::warn("the server's variables were not learned: {}", trouble);
  profile.learn_variables(std::move(*variables), read_expressions(connection));
}

} // namespace holdwater::proxy
