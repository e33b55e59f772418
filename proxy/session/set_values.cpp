// SET sql_mode = an expression over the session's own variables, as Connector/J and Rails send it on connect:
// CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES'), REPLACE(...), also as a subquery without a table. In an outage
// nobody else can compute it.
#include "protocol/sql/lexer.hpp"
#include "proxy/session/known_settings.hpp"
#include "proxy/session/session_state.hpp"
#include "spool/context_sql.hpp"

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/predicate.hpp>
#include <boost/algorithm/string/replace.hpp>

#include <algorithm>

namespace holdwater::proxy {

namespace sql = protocol::sql;
using boost::algorithm::iequals;
using sql::token_kind;

namespace {

constexpr int deepest = 16; // of calls in calls

// A text, read token by token. Nothing: it holds something else.
class expression {
 public:
  expression(std::string_view text, const session_state& state) : state_(state), in_(text, state.dialect()) {
    advance();
  }

  std::optional<std::string> value() {
    auto result = term(0);
    const bool whole = now_.kind == token_kind::end && !in_.partial() && !in_.doubtful();
    return whole ? result : std::nullopt;
  }

 private:
  void advance() { now_ = in_.next(); }
  bool accept(char symbol) { return now_.is(symbol) && (advance(), true); }
  bool accept(std::string_view word) {
    return now_.kind == token_kind::word && iequals(now_.text, word) && (advance(), true);
  }

  std::optional<std::string> term(int depth) {
    if (depth > deepest) return std::nullopt;
    if (accept('(')) {
      accept("SELECT");
      auto inner = term(depth + 1);
      return accept(')') ? inner : std::nullopt;
    }
    if (now_.kind == token_kind::system_variable) return variable();
    const bool quoted = now_.kind == token_kind::string && now_.quoted_ok &&
                        (now_.text.front() == '\'' || now_.text.front() == '"');
    if (quoted) {
      auto text = sql::literal_value(now_.text, state_.dialect());
      advance();
      return text;
    }
    if (accept("CONCAT")) return concatenation(depth + 1);
    if (accept("REPLACE")) return replacement(depth + 1);
    return std::nullopt;
  }

  std::optional<std::string> variable() {
    auto name = sql::name{now_.text.substr(2)}.unquoted();
    advance();
    if (accept('.')) {
      if (!iequals(name, "session") && !iequals(name, "local")) return std::nullopt;
      name = sql::name{now_.text}.unquoted();
      advance();
    }
    const auto known = state_.system_variable(boost::algorithm::to_lower_copy(name));
    return known && known->known ? known->value : std::nullopt;
  }

  std::optional<std::string> concatenation(int depth) {
    if (!accept('(')) return std::nullopt;
    std::string all;
    do {
      const auto part = term(depth);
      if (!part) return std::nullopt;
      all += *part;
    } while (accept(','));
    return accept(')') ? std::optional(all) : std::nullopt;
  }

  std::optional<std::string> replacement(int depth) {
    if (!accept('(')) return std::nullopt;
    const auto in = term(depth);
    if (!in || !accept(',')) return std::nullopt;
    const auto from = term(depth);
    if (!from || !accept(',')) return std::nullopt;
    const auto to = term(depth);
    if (!to || !accept(')')) return std::nullopt;
    return from->empty() ? *in : boost::algorithm::replace_all_copy(*in, *from, *to);
  }

  const session_state& state_;
  sql::lexer in_;
  sql::token now_;
};

// Each mode once, as the servers say it. They pass over empty ones.
std::string without_repetition(std::string_view modes) {
  std::vector<std::string> seen;
  std::string out;
  while (!modes.empty()) {
    const auto end = std::min(modes.find(','), modes.size());
    auto mode = boost::algorithm::to_upper_copy(std::string(modes.substr(0, end)));
    modes.remove_prefix(std::min(end + 1, modes.size()));
    if (mode.empty() || std::find(seen.begin(), seen.end(), mode) != seen.end()) continue;
    out += (out.empty() ? "" : ",") + mode;
    seen.push_back(std::move(mode));
  }
  return out;
}

} // namespace

std::optional<std::string> session_state::computed(const sql::assignment& one) const {
  const bool mode = one.where == sql::assignment::target::session && !one.literal && !one.default_value &&
                    iequals(one.variable.unquoted(), "sql_mode");
  if (!mode || !profile_) return std::nullopt;
  auto value = expression(one.value, *this).value();
  if (!value) return std::nullopt;
  value = without_repetition(*value);
  const auto text = "'" + *value + "'";
  return is_acceptable("sql_mode", text, *value, context_, *profile_) ? value : std::nullopt;
}

void session_state::assign_here(const sql::statement& set) {
  ++reading_version_;
  assign_user_variables(set);
  for (const auto& one : set.assignments) {
    std::vector<std::string> unknown;
    if (const auto value = computed(one))
      set_variable("sql_mode", *value, "'" + *value + "'");
    else
      assign_one(one, unknown);
  }
}

// Into the context, also when a fresh session has the same: the server may come back with another global.
// That one is meant where DEFAULT was said.
void session_state::carry(const std::string& variable, const std::string& value) {
  if (!spool::is_carried_setting(variable)) return;
  const auto* fresh = profile_ ? profile_->find_variable(variable) : nullptr;
  const bool follows = fresh && setting(variable) == default_word && is_as_fresh(*fresh, value);
  auto carried = fresh && !follows ? carried_value(variable, value, profile_->version.mariadb) : std::nullopt;
  spool::put_setting(context_.settings, variable, std::move(carried));
}

std::string session_state::setting_left_behind() const {
  for (const auto& setting : settings_) {
    if (!is_left_behind(setting.first)) continue;
    const bool carried = std::ranges::find(context_.settings, setting.first, &spool::session_setting::name) !=
                         context_.settings.end();
    if (carried || (spool::is_carried_setting(setting.first) && setting.second == default_word)) continue;
    const auto* fresh = profile_ ? profile_->find_variable(setting.first) : nullptr;
    const auto now = system_variable(setting.first);
    const bool changes_nothing = fresh && now && now->known && is_as_fresh(*fresh, now->value);
    if (!changes_nothing) return setting.first + " was set";
  }
  return {};
}

} // namespace holdwater::proxy
