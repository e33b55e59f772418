#include "proxy/config/rule_source.hpp"

#include "proxy/config/option_value.hpp"
#include "proxy/config/source.hpp"

#include <fmt/format.h>

namespace holdwater::proxy {
namespace {

const std::vector<std::string> keys{"account",   "database", "table", "pattern",      "cache",
                                    "max_stale", "spool",    "hold",  "times_are_now"};
constexpr option_range a_time{0, 3650ULL * 24 * 3600 * 1000}; // ms

// Into a field of the rule. Gives what is wrong.
std::string take_text(const toml::value& value, std::string& field) {
  if (!value.is_string()) return "expected text in quotes";
  if (value.as_string().str.empty()) return "must not be empty";
  return parse_option(option_kind::text, {}, value.as_string().str, &field);
}

std::string take_flag(const toml::value& value, std::optional<bool>& field) {
  if (!value.is_boolean()) return "expected true or false";
  field = value.as_boolean();
  return {};
}

template <class Span>
std::string take_span(const toml::value& value, std::optional<Span>& field) {
  if (!value.is_integer() && !value.is_floating()) return "expected a number of seconds";
  const auto text =
      value.is_integer() ? fmt::format("{}", value.as_integer()) : fmt::format("{}", value.as_floating());
  Span read{};
  auto wrong = parse_option(option_kind::seconds, a_time, text, &read);
  if (wrong.empty()) field = read;
  return wrong;
}

std::string take(rule& into, const std::string& key, const toml::value& value) {
  if (key == "account") return take_text(value, into.account);
  if (key == "database") return take_text(value, into.database);
  if (key == "table") return take_text(value, into.table);
  if (key == "pattern") return take_text(value, into.pattern);
  if (key == "cache") return take_flag(value, into.cache);
  if (key == "spool") return take_flag(value, into.spool);
  if (key == "max_stale") return take_span(value, into.max_stale);
  if (key == "hold") return take_span(value, into.hold);
  if (key == "times_are_now") return take_flag(value, into.times_are_now);
  return fmt::format("unknown option{}", did_you_mean(key, keys));
}

} // namespace

std::vector<rule> read_rules(const toml::value& value, const std::string& path,
                             std::vector<std::string>& errors) {
  std::vector<rule> rules;
  const auto wrong = [&](const toml::value& where, std::string_view what) {
    errors.push_back(fmt::format("{}:{}: {}", path, where.location().line(), what));
  };
  if (!value.is_array()) {
    wrong(value, "rule: write each rule as a section of its own, [[rule]]");
    return rules;
  }
  for (const auto& entry : value.as_array()) {
    rule one;
    const auto before = errors.size();
    if (!entry.is_table()) {
      wrong(entry, "rule: write each rule as a section of its own, [[rule]]");
      continue;
    }
    for (const auto& [key, field] : entry.as_table())
      if (const auto problem = take(one, key, field); !problem.empty())
        wrong(field, fmt::format("rule.{}: {}", key, problem));
    if (errors.size() == before && !one.cache && !one.max_stale && !one.spool && !one.hold &&
        !one.times_are_now)
      wrong(entry, "[[rule]]: it says neither cache, max_stale, times_are_now, spool nor hold");
    if (errors.size() == before) rules.push_back(std::move(one));
  }
  return rules;
}

} // namespace holdwater::proxy
