#include "proxy/sql_files/export_sql.hpp"

#include "protocol/sql/placeholders.hpp"
#include "proxy/config/utf8.hpp"
#include "proxy/sql_files/unit_head.hpp"
#include "spool/context_sql.hpp"
#include "spool/parameter_text.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace holdwater::proxy {
namespace {

std::string moment(std::chrono::microseconds since_epoch) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  return fmt::format("{:%Y-%m-%d %H:%M:%S}.{:06} UTC", fmt::gmtime(static_cast<std::time_t>(seconds.count())),
                     (since_epoch - seconds).count());
}

// A comment must not end where its text says so.
std::string in_comment(std::string_view text) {
  std::string out;
  const bool whole = find_bad_utf8(text) == text.npos;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || (byte >= 0x80 && !whole) ? '?' : c;
  }
  return out;
}

// _utf8mb4 x'6162' reads as 'ab' where that is the same in every character set and sql_mode.
std::string readable(std::string text) {
  constexpr std::string_view mark = "_utf8mb4 x'";
  for (auto at = text.find(mark); at != text.npos; at = text.find(mark, at + 1)) {
    const auto end = text.find('\'', at + mark.size());
    if (end == text.npos) break;
    std::string plain = "'";
    bool simple = true;
    for (auto i = at + mark.size(); i + 1 < end; i += 2) {
      const char c = static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
      simple = simple && c >= 0x20 && c < 0x7f && c != '\'' && c != '"' && c != '\\';
      plain += c;
    }
    if (simple) text.replace(at, end + 1 - at, plain + "'");
  }
  return text;
}

// Its bytes mean the same in a file of UTF-8, and none of its comments looks like one of ours.
bool stays_readable(std::string_view text, std::string_view character_set) {
  if (text.find(unit_head_mark) != text.npos) return false;
  const bool ascii = std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  return ascii || (character_set.starts_with("utf8") && find_bad_utf8(text) == text.npos);
}

protocol::sql::dialect dialect_of(const spool::statement_context& context) {
  protocol::sql::dialect out;
  protocol::sql::apply_context(out, context.sql_mode, context.character_set_client);
  return out;
}

} // namespace

std::string sql_export::head(const std::string& spool_id, const std::string& ledger_table) {
  return fmt::format(
      "-- The writes that wait in Holdwater's queue {0}, in their order.\n"
      "-- They wait there still, and are applied when the server is back. If this text is applied instead, "
      "on the\n"
      "-- server that Holdwater is before, or given to another Holdwater (holdwater spool import), tell its "
      "ledger after\n"
      "-- each unit, while Holdwater is stopped:\n"
      "--   UPDATE {1} SET applied_seq = NUMBER WHERE spool_id = '{0}';\n\n",
      spool_id, ledger_table);
}

std::string sql_export::unit(const spool::unit& one) {
  auto out = print_unit_head({one.number, in_comment(one.account), spool_id_}, moment(one.accepted_at));
  const auto isolation = one.statements.empty() ? std::string() : one.statements.front().context.isolation;
  if (auto set = spool::set_isolation(isolation);
      !set.empty() && (!context_ || context_->isolation != isolation))
    out += set + ";\n";
  const bool several = one.statements.size() > 1;
  if (several) out += "START TRANSACTION;\n";
  for (const auto& each : one.statements) out += statement(each, &each == &one.statements.front());
  if (several) out += "COMMIT;\n";
  return out + "\n";
}

void sql_export::follow(const spool::unit& before) {
  for (const auto& each : before.statements) note(each, &each == &before.statements.front());
}

void sql_export::note(const spool::statement& one, bool is_first) {
  variables_.clear();
  for (const auto& each : one.user_variables)
    if (each.literal != "NULL") variables_.push_back(each.name);
  settings_ = one.context.settings;
  const bool left = !is_first && id_left_ && !one.last_insert_id;
  id_left_ = left || one.last_insert_id.value_or(0) != 0 || one.insert_id;
}

// In the character set that their names were said in.
std::string sql_export::clear_variables(const spool::statement& next) const {
  spool::statement gone;
  for (const auto& name : variables_)
    if (std::ranges::find(next.user_variables, name, &spool::user_variable::name) ==
        next.user_variables.end())
      gone.user_variables.push_back({name, "NULL"});
  const auto text = spool::set_user_variables(gone);
  return text.empty() ? text : text + ";\n";
}

std::string sql_export::statement(const spool::statement& one, bool is_first) {
  auto out = clear_variables(one);
  const auto& database = one.context.database;
  if (!database.empty() && (!context_ || context_->database != database))
    out += fmt::format("USE {};\n", spool::quoted_name(database));
  if (!context_)
    if (const auto left = spool::set_settings(settings_, one.context.settings); !left.empty())
      out += readable(left) + ";\n";
  spool::statement settings;
  settings.context = one.context;
  settings.timestamp = one.timestamp;
  settings.insert_id = one.insert_id;
  settings.last_insert_id = one.last_insert_id;
  if (is_first && id_left_ && !one.last_insert_id) settings.last_insert_id = 0;
  out += readable(spool::set_context(context_, settings)) + ";\n";
  if (const auto variables = spool::set_user_variables(one); !variables.empty()) out += variables + ";\n";
  context_ = one.context;
  note(one, is_first);
  std::string bound; // the values again, as a person reads them
  for (const auto& each : one.parameters)
    bound += (bound.empty() ? "-- bound: " : ", ") + spool::readable(each);
  if (!bound.empty()) out += in_comment(bound) + "\n";
  auto text = one.text;
  if (!one.parameters.empty())
    text = protocol::sql::fill_placeholders(
        text, dialect_of(one.context), spool::literals(one.parameters, one.context.character_set_client));
  while (text.ends_with(';') || text.ends_with(' ') || text.ends_with('\n')) text.pop_back();
  const auto& character_set = one.context.character_set_client;
  if (stays_readable(text, character_set)) return out + text + "\n;\n";
  // Other bytes would not survive an editor, and what looks like ours would mislead an import.
  return out + fmt::format("SET @holdwater = {};\nPREPARE holdwater FROM @holdwater;\nEXECUTE holdwater;\n",
                           spool::hex_literal(text, find_bad_utf8(text) != text.npos &&
                                                            character_set.starts_with("utf8")
                                                        ? "binary"
                                                        : character_set));
}

} // namespace holdwater::proxy
