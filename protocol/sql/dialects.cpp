// What sql_mode and the client's character set change in reading, and the small names of kinds.
//
// Source: MySQL "Server SQL Modes" (combination modes); MariaDB "SQL_MODE" (ORACLE, MSSQL, DB2, MAXDB,
// POSTGRESQL).
#include "protocol/sql/analysis.hpp"
#include "protocol/sql/characters.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace holdwater::protocol::sql {
namespace {

constexpr std::array<std::string_view, 7> ansi_quotes_modes{"ANSI_QUOTES", "ANSI",  "ORACLE",    "MSSQL",
                                                            "DB2",         "MAXDB", "POSTGRESQL"};
constexpr std::string_view no_backslash_mode = "NO_BACKSLASH_ESCAPES";
constexpr std::string_view no_auto_value_mode = "NO_AUTO_VALUE_ON_ZERO";
constexpr std::uint64_t ansi_quotes_bit = 4; // sql_mode may be given as the number of its bits
constexpr std::uint64_t no_auto_value_bit = 1ull << 19;
constexpr std::uint64_t no_backslash_bit = 1ull << 20;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

void apply_one(dialect& how, std::string_view mode) {
  const auto same = [&](std::string_view known) { return iequals(known, mode); };
  if (std::any_of(ansi_quotes_modes.begin(), ansi_quotes_modes.end(), same)) how.ansi_quotes = true;
  if (same(no_backslash_mode)) how.no_backslash_escapes = true;
  if (same(no_auto_value_mode)) how.no_auto_value_on_zero = true;
}

bool apply_number(dialect& how, std::string_view text) {
  std::uint64_t bits = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), bits);
  if (failed != std::errc{} || end != text.data() + text.size()) return false;
  how.ansi_quotes = (bits & ansi_quotes_bit) != 0;
  how.no_backslash_escapes = (bits & no_backslash_bit) != 0;
  how.no_auto_value_on_zero = (bits & no_auto_value_bit) != 0;
  return true;
}

} // namespace

void apply_sql_mode(dialect& how, std::string_view sql_mode) {
  how.ansi_quotes = how.no_backslash_escapes = how.no_auto_value_on_zero = false;
  if (apply_number(how, trimmed(sql_mode))) return;
  while (!sql_mode.empty()) {
    const auto comma = std::min(sql_mode.find(','), sql_mode.size());
    apply_one(how, trimmed(sql_mode.substr(0, comma)));
    sql_mode.remove_prefix(std::min(comma + 1, sql_mode.size()));
  }
}

void apply_context(dialect& how, std::string_view sql_mode, std::string_view character_set_client) {
  apply_sql_mode(how, sql_mode);
  how.client_charset = charset_class(character_set_client);
}

dialect::charset charset_class(std::string_view character_set) {
  using enum dialect::charset;
  if (iequals(character_set, "sjis") || iequals(character_set, "cp932")) return sjis;
  if (iequals(character_set, "big5")) return big5;
  if (iequals(character_set, "gbk")) return gbk;
  if (iequals(character_set, "gb18030")) return gb18030;
  const auto any_of = [&](const auto&... names) { return (iequals(character_set, names) || ...); };
  if (character_set.empty() || istarts_with(character_set, "utf") || any_of("ucs2")) return utf8;
  if (any_of("ujis", "eucjpms", "euckr", "gb2312")) return euc;
  if (any_of("koi8r", "koi8u")) return blank_9a;
  if (any_of("cp850", "cp852", "cp866")) return blank_ff;
  if (any_of("macroman", "macce")) return blank_ca;
  return blank_a0;
}

std::string_view name_of(kind value) {
  switch (value) {
  case kind::empty: return "EMPTY";
  case kind::select: return "SELECT";
  case kind::show: return "SHOW";
  case kind::insert: return "INSERT";
  case kind::replace: return "REPLACE";
  case kind::update: return "UPDATE";
  case kind::erase: return "DELETE";
  case kind::set: return "SET";
  case kind::use: return "USE";
  case kind::begin: return "BEGIN";
  case kind::commit: return "COMMIT";
  case kind::rollback: return "ROLLBACK";
  case kind::savepoint: return "SAVEPOINT";
  case kind::rollback_to_savepoint: return "ROLLBACK TO SAVEPOINT";
  case kind::release_savepoint: return "RELEASE SAVEPOINT";
  case kind::prepare: return "PREPARE";
  case kind::execute: return "EXECUTE";
  case kind::deallocate: return "DEALLOCATE";
  case kind::ddl: return "DDL";
  case kind::call: return "CALL";
  case kind::load_data: return "LOAD DATA";
  case kind::lock_tables: return "LOCK TABLES";
  case kind::unlock_tables: return "UNLOCK TABLES";
  case kind::xa: return "XA";
  case kind::handler: return "HANDLER";
  case kind::do_: return "DO";
  case kind::kill: return "KILL";
  case kind::admin: return "ADMIN";
  case kind::unknown: return "UNKNOWN";
  }
  return "UNKNOWN";
}

bool is_pure_read(const statement& one) {
  if (one.kind != kind::select && one.kind != kind::show) return false;
  constexpr trait noticed = trait::locking_read | trait::into_target | trait::writes_user_variable |
                            trait::named_lock | trait::session_function | trait::deferred_hazard |
                            trait::unknown_function | trait::sequence_access | trait::partial;
  return !has(one.traits, noticed);
}

bool only_reads(const statement& one) {
  if (one.kind != kind::select && one.kind != kind::show) return false;
  constexpr trait changing = trait::locking_read | trait::into_target | trait::named_lock |
                             trait::unknown_function | trait::sequence_access | trait::partial;
  return !has(one.traits, changing);
}

} // namespace holdwater::protocol::sql
