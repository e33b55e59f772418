#include "proxy/session/local_reads.hpp"

#include "protocol/sql/characters.hpp"
#include "protocol/sql/plain_reads.hpp"
#include "proxy/session/known_settings.hpp"
#include "proxy/session/local_columns.hpp"

#include <boost/algorithm/string/predicate.hpp>
#include <boost/lexical_cast/try_lexical_convert.hpp>

#include <algorithm>

namespace holdwater::proxy {

namespace sql = protocol::sql;
using boost::conversion::try_lexical_convert;
using protocol::text_result_set;
using kind = sql::plain_item::kind;
using subject = sql::plain_show::subject;

namespace {

struct cell {
  std::optional<std::string> value;
  protocol::column_definition described;
};

local_columns columns_of(const local_facts& known) {
  return {known.state, known.profile};
}

// It is shown in words. Which one it is tells what the fresh session's value looks like.
bool is_boolean(const system_variable& fresh) {
  return fresh.integer && (fresh.shown == "ON" || fresh.shown == "OFF");
}

// Not what a server may keep within its bounds, round, or say in words of its own.
bool is_as_set(const std::string& name, const system_variable& fresh,
               const std::optional<std::string>& value) {
  if (name == "autocommit" || is_of_context(common_name(name)) || is_as_fresh(fresh, value)) return true;
  const auto number = number_of(value);
  if (is_boolean(fresh)) return number == "0" || number == "1";
  constexpr int most = 2147483; // what any build of the servers lets a client's silence last
  int seconds = 0;
  for (const auto* timeout : {"wait_timeout", "interactive_timeout", "net_read_timeout", "net_write_timeout"})
    if (name == timeout)
      return number && try_lexical_convert(*number, seconds) && seconds >= 1 && seconds <= most;
  return false;
}

// As the servers name the variable now: MariaDB's tx_isolation is MySQL's transaction_isolation.
std::optional<cell> value_of(const std::string& name, const local_facts& known) {
  const auto fresh = known.profile.variables.find(name);
  if (fresh == known.profile.variables.end()) return std::nullopt; // also what no such server has
  const auto own = known.state.system_variable(name);
  if (own && (!own->known || !is_as_set(name, fresh->second, own->value))) return std::nullopt;
  auto value = own ? own->value : fresh->second.value;
  if (own && fresh->second.integer) value = number_of(value);
  if (own && name == "sql_mode" && value != fresh->second.value) {
    value = listed_sql_mode(value.value_or(""), known.profile.version.mariadb);
    if (!value) return std::nullopt;
  }
  const auto described = columns_of(known).system_variable(fresh->second, value);
  return cell{std::move(value), described};
}

// Of the SQL text that session_state keeps: a number, NULL, `_utf8mb4 0x6162 COLLATE ...`.
std::optional<cell> user_variable(const std::string& name, const local_facts& known) {
  const auto* text = known.state.user_variable(name);
  if (!text) return std::nullopt;
  const auto columns = columns_of(known);
  if (boost::algorithm::iequals(*text, "null")) return cell{{}, columns.user_variable({}, false)};
  if (text->find_first_not_of("0123456789") == text->npos)
    return cell{*text, columns.user_variable(*text, true)};
  std::optional<std::string> value = text_of(*text);
  if (value->empty() && text->find("''") == text->npos) return std::nullopt;
  const auto described = columns.user_variable(value, false);
  return cell{std::move(value), described};
}

std::optional<cell> function(const std::string& name, const local_facts& known) {
  constexpr std::uint16_t not_null = 0x0001;
  constexpr std::size_t longest_name = 64;
  const auto columns = columns_of(known);
  if (name == "VERSION") {
    auto version = value_of("version", known);
    if (version) version->described = columns.text(version->value.value_or("").size(), not_null);
    return version;
  }
  if (name == "DATABASE" || name == "SCHEMA") {
    const auto& database = known.state.database();
    return cell{database.empty() ? std::nullopt : std::optional(database), columns.text(longest_name, 0)};
  }
  if (name == "CONNECTION_ID") return cell{std::to_string(known.connection_id), columns.connection_id()};
  if (name == "LAST_INSERT_ID" && known.last_insert_id)
    return cell{std::to_string(*known.last_insert_id), columns.last_insert_id()};
  if (name == "ROW_COUNT" && known.said.rows)
    return cell{std::to_string(*known.said.rows), columns.row_count()};
  return std::nullopt;
}

std::optional<cell> expression(const std::string& words, const local_facts& known) {
  for (const auto& one : known.profile.expressions)
    if (one.text == words) return cell{one.value, one.described};
  return std::nullopt;
}

std::optional<cell> evaluate(const sql::plain_item& item, const local_facts& known) {
  switch (item.what) {
  case kind::integer:
  case kind::boolean:
  case kind::text: return cell{item.value, columns_of(known).literal(item)};
  case kind::null: return cell{{}, columns_of(known).null()};
  case kind::system_variable: return value_of(item.value, known);
  case kind::user_variable: return user_variable(item.value, known);
  case kind::function: return function(item.value, known);
  case kind::expression: return expression(item.value, known);
  }
  return std::nullopt;
}

std::optional<text_result_set> select(std::string_view text, const local_facts& known) {
  const auto items = sql::read_plain_select(text, known.state.dialect());
  if (!items) return std::nullopt;
  text_result_set out;
  auto& row = out.rows.emplace_back();
  for (const auto& item : *items) {
    auto value = evaluate(item, known);
    if (!value) return std::nullopt;
    // other bytes would have to be converted to the client's character set
    if (!sql::is_ascii(item.heading) || (value->value && !sql::is_ascii(*value->value))) return std::nullopt;
    out.columns.emplace_back(item.heading, value->described);
    row.push_back(std::move(value->value));
  }
  return out;
}

bool wanted(const sql::plain_show& show, const std::string& name) {
  if (show.like) return sql::is_like(name, *show.like);
  return !show.names || std::find(show.names->begin(), show.names->end(), name) != show.names->end();
}

std::string shown(const system_variable& fresh, const std::optional<std::string>& value) {
  if (!value) return {};
  return is_boolean(fresh) ? (*value == "0" ? "OFF" : "ON") : *value;
}

std::optional<text_result_set> show_variables(const sql::plain_show& show, const local_facts& known) {
  if (known.profile.variables.empty()) return std::nullopt;
  const auto columns = columns_of(known);
  text_result_set out{{{"Variable_name", columns.shown(false)}, {"Value", columns.shown(true)}},
                      {},
                      protocol::server_status::no_index_used};
  for (const auto& [name, fresh] : known.profile.variables) {
    if (!wanted(show, name)) continue;
    const auto own = known.state.system_variable(name);
    if (own && (!own->known || !is_as_set(name, fresh, own->value))) return std::nullopt;
    auto text = own ? shown(fresh, fresh.integer ? number_of(own->value) : own->value) : fresh.shown;
    if (!sql::is_ascii(text)) return std::nullopt;
    out.rows.push_back({name, std::move(text)});
  }
  // a pattern may also be about variables that were not learned
  if (show.like && out.rows.empty()) return std::nullopt;
  if (show.names && out.rows.size() != show.names->size()) return std::nullopt;
  return out;
}

std::optional<text_result_set> show_diagnostics(subject what, const local_facts& known) {
  const auto& said = known.said;
  const auto columns = columns_of(known);
  const bool of_warnings = what == subject::warnings || what == subject::warning_count;
  const bool counts = !said.text.empty() && (said.error || of_warnings);
  const unsigned count = (counts ? 1 : 0) + (of_warnings ? said.unseen : 0);
  if (what == subject::warning_count || what == subject::error_count) {
    const auto* heading = of_warnings ? "@@session.warning_count" : "@@session.error_count";
    return text_result_set{{{heading, columns.diagnostic_count()}}, {{std::to_string(count)}}};
  }
  if (of_warnings && said.unseen > 0) return std::nullopt;
  text_result_set out{
      {{"Level", columns.diagnostic(0)}, {"Code", columns.diagnostic(1)}, {"Message", columns.diagnostic(2)}},
      {}};
  if (counts) out.rows.push_back({said.error ? "Error" : "Note", std::to_string(said.number), said.text});
  return out;
}

std::optional<text_result_set> show(std::string_view text, const local_facts& known) {
  const auto asked = sql::read_plain_show(text, known.state.dialect());
  if (!asked) return std::nullopt;
  if (asked->what == subject::variables) return show_variables(*asked, known);
  // MySQL does not prepare these, and MariaDB does not say beforehand what they give
  if (known.prepared) return std::nullopt;
  return show_diagnostics(asked->what, known);
}

} // namespace

std::optional<text_result_set> find_answer(std::string_view text, const sql::statement& one,
                                           const local_facts& known) {
  if (!is_client_charset(known.state.context().character_set_results))
    return std::nullopt; // not ASCII's bytes
  const auto words = text.substr(one.offset, one.size);
  if (one.kind == sql::kind::select) return select(words, known);
  if (one.kind == sql::kind::show) return show(words, known);
  return std::nullopt;
}

} // namespace holdwater::proxy
