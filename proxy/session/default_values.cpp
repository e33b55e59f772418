// What a session has of the server's globals: their values at its login, which stay when the globals change.
#include "proxy/session/lasting_text.hpp"
#include "proxy/session/session_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace holdwater::proxy {
namespace {

using spool::statement_context;

struct default_value {
  std::string_view variable;
  std::string (*text)(const statement_context&);
};

std::string on_or_off(bool value) {
  return value ? "1" : "0";
}

// The steps of AUTO_INCREMENT are not the session's: with several servers that write, each has its own.
bool is_of_server(std::string_view variable) {
  return variable.starts_with("auto_increment_");
}

// What of the context a login takes from the globals, its character sets aside.
constexpr std::array<default_value, 8> of_globals{{
    {"sql_mode", [](const statement_context& c) { return quoted(c.sql_mode); }},
    {"time_zone", [](const statement_context& c) { return quoted(c.time_zone); }},
    {"lc_time_names", [](const statement_context& c) { return quoted(c.lc_time_names); }},
    {"auto_increment_increment",
     [](const statement_context& c) { return std::to_string(c.auto_increment_increment); }},
    {"auto_increment_offset",
     [](const statement_context& c) { return std::to_string(c.auto_increment_offset); }},
    {"foreign_key_checks", [](const statement_context& c) { return on_or_off(c.foreign_key_checks); }},
    {"unique_checks", [](const statement_context& c) { return on_or_off(c.unique_checks); }},
    {"transaction_isolation", [](const statement_context& c) { return quoted(c.isolation); }},
}};

} // namespace

void session_state::look_at_defaults(const default_changes& changes, std::vector<std::string>* to_ask) {
  defaults_seen_ = changes.version();
  taken_until_ = std::min(taken_until_, std::chrono::steady_clock::now());
  if (!changes.in_doubt(taken_from_, taken_until_)) return;
  taken_until_ = moment::min(); // once asked, they are known
  ++reading_version_;
  for (const auto& one : of_globals) {
    std::string name(one.variable);
    if (setting(name)) continue; // its own
    open_gap(name, fmt::format("{} was set for all meanwhile", name));
    if (to_ask && std::ranges::find(*to_ask, name) == to_ask->end()) to_ask->push_back(std::move(name));
  }
}

void session_state::lose_defaults(const default_changes& changes) {
  follow_defaults(changes, nullptr);
  for (const auto& one : of_globals) {
    const auto is_it = [&](const auto& gap) { return gap.first == one.variable; };
    if (!is_of_server(one.variable) && !setting(one.variable) && std::ranges::any_of(gaps_, is_it))
      make_unrestorable("a setting that was set for all meanwhile");
  }
}

void session_state::learn(std::string_view variable, const std::optional<std::string>& value) {
  ++reading_version_;
  const auto is_it = [&](const auto& one) { return one.first == variable; };
  const bool own = setting(variable) || std::ranges::none_of(gaps_, is_it);
  const bool by_default = setting(variable) == default_word;
  const auto text = by_default           ? std::string(default_word)
                    : !value             ? std::string("NULL")
                    : is_decimal(*value) ? *value
                                         : quoted(*value);
  set_variable(std::string(variable), value.value_or(""), text);
  const bool global =
      std::ranges::any_of(of_globals, [&](const auto& one) { return one.variable == variable; });
  if (!own && global) std::erase_if(settings_, is_it); // keep_defaults() sees to it
}

std::string session_state::keep_defaults(const server_profile& now, bool certain) const {
  if (!profile_ || !profile_->defaults || !now.defaults) return {};
  std::string list;
  for (const auto& [variable, text] : of_globals) {
    if (is_of_server(variable)) continue;
    const std::string name(variable);
    const bool unknown = std::ranges::any_of(gaps_, [&](const auto& gap) { return gap.first == name; });
    if (unknown || setting(name) || (certain && text(context_) == text(*now.defaults))) continue;
    list +=
        fmt::format("{}SESSION {} = {}", list.empty() ? "SET " : ", ", name_at_server(name), text(context_));
  }
  return list;
}

} // namespace holdwater::proxy
