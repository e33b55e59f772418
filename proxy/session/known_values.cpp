// What a session knows of its variables' values, for answering SELECT @@x without the server, and more.
#include "proxy/session/known_settings.hpp"
#include "proxy/session/session_state.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace holdwater::proxy {
namespace {

using value = session_state::variable_value;

value known(std::string text) {
  return {true, std::move(text)};
}

value flag(bool on) {
  return known(on ? "1" : "0");
}

// A charset variable that was set to NULL is kept as an empty text.
value charset(const std::string& name) {
  return name.empty() ? value{true, std::nullopt} : known(name);
}

// Of a text that restores the variable: a number, a word (ON), or a quoted string without quotes in it.
value read_setting(const std::string& text) {
  if (text.empty() || text == "DEFAULT") return {};
  const bool word =
      text.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_") == text.npos;
  if (word) return known(text);
  const bool quoted = text.size() > 1 && text.front() == '\'' && text.back() == '\'';
  if (quoted && text.find('\'', 1) == text.size() - 1) return known(text.substr(1, text.size() - 2));
  return {};
}

} // namespace

// A server that is there has its own bounds. One that is away takes any name on trust, so a client could go
// on for ever.
void session_state::limit_what_is_kept() {
  constexpr std::uint64_t most_bytes = 32 << 20;
  constexpr std::uint64_t overhead = 256; // of an entry
  std::uint64_t bytes = 0;
  for (const auto* all : {&settings_, &user_variables_})
    for (const auto& [name, text] : *all) bytes += overhead + name.size() + text.size();
  if (bytes <= most_bytes) return;
  settings_.clear();
  user_variables_.clear();
  open_gap("", "the session has set more variables than are kept");
  make_unrestorable("more variables than are kept");
}

// Only the server knows its value now.
void session_state::must_ask(const std::string& name, std::vector<std::string>& to_ask) {
  open_gap(name, fmt::format("the value of {} is not known", name));
  remember(name, {});
  if (std::ranges::find(to_ask, name) == to_ask.end()) to_ask.push_back(name);
}

std::optional<std::string> session_state::setting(std::string_view name) const {
  for (const auto& [variable, text] : settings_)
    if (variable == name) return text;
  return std::nullopt;
}

std::optional<value> session_state::system_variable(std::string_view named) const {
  const auto name = common_name(std::string(named));
  for (const auto& [variable, why] : gaps_)
    if (variable.empty() || variable == name) return value{};
  if (name == "autocommit") return flag(autocommit());
  if (name == "sql_mode") return known(context_.sql_mode);
  if (name == "time_zone") return known(context_.time_zone);
  if (name == "lc_time_names") return known(context_.lc_time_names);
  if (name == "character_set_client") return known(context_.character_set_client);
  if (name == "character_set_results") return charset(context_.character_set_results);
  if (name == "collation_connection") return known(context_.collation_connection);
  if (name == "character_set_connection") {
    const auto* chosen = profile_ ? profile_->named(context_.collation_connection) : nullptr;
    return chosen ? known(chosen->character_set) : value{};
  }
  if (name == "auto_increment_increment") return known(std::to_string(context_.auto_increment_increment));
  if (name == "auto_increment_offset") return known(std::to_string(context_.auto_increment_offset));
  if (name == "foreign_key_checks") return flag(context_.foreign_key_checks);
  if (name == "unique_checks") return flag(context_.unique_checks);
  if (name == "transaction_isolation") return known(context_.isolation);
  const auto set = setting(name);
  const bool interactive = login_.client_capabilities & protocol::cap::interactive;
  if (!set && interactive && name == "wait_timeout") return value{}; // from interactive_timeout, at a login
  return set ? std::optional(read_setting(*set)) : std::nullopt;
}

} // namespace holdwater::proxy
