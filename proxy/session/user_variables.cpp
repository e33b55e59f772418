// User variables: what SET gives them, and the text that says it again elsewhere.
#include "proxy/session/lasting_text.hpp"
#include "proxy/session/session_state.hpp"

#include "protocol/sql/characters.hpp"

#include <boost/algorithm/hex.hpp>
#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/predicate.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace holdwater::proxy {

namespace sql = protocol::sql;
using boost::algorithm::iequals;

void session_state::assign_user_variable(const sql::assignment& one) {
  const auto name = boost::algorithm::to_lower_copy(one.variable.unquoted());
  std::erase_if(user_variables_, [&](const auto& known) { return known.first == name; });
  const bool null = iequals(one.value, "null");
  const bool text = !one.value.empty() && (one.value.front() == '\'' || one.value.front() == '"');
  if (!one.literal || !(null || text || is_number(one.value))) return make_unrestorable("a user variable");
  // the second byte of a character may be a backtick there
  if (!sql::is_ascii(name) && dialect_.has_low_second_bytes())
    return make_unrestorable("a user variable's name");
  const auto value = text ? as_read_now(sql::literal_value(one.value, dialect_)) : std::string(one.value);
  if (!value) return make_unrestorable("a user variable in a character set that is not known");
  user_variables_.emplace_back(name, *value);
  limit_what_is_kept();
}

// As the server reads a string literal: its bytes are the client's, its character set is the connection's.
std::optional<std::string> session_state::as_read_now(std::string_view text) const {
  const auto* client = profile_ ? profile_->default_of(context_.character_set_client) : nullptr;
  if (!client) return std::nullopt;
  const auto& collation = context_.collation_connection;
  const auto* connection = profile_->named(collation);
  if (!connection && !collation.starts_with(client->character_set + "_")) return std::nullopt;
  const auto& target = connection ? connection->character_set : client->character_set;
  const auto bytes = [&](const std::string& set) {
    return text.empty() ? fmt::format("_{} ''", set) : quoted(text, set);
  };
  if (target == "binary") return bytes(target);
  if (client->character_set == target) return fmt::format("{} COLLATE {}", bytes(target), collation);
  if (client->character_set == "binary") return std::nullopt;
  return fmt::format("CONVERT({} USING {}) COLLATE {}", bytes(client->character_set), target, collation);
}

const std::string* session_state::user_variable(std::string_view name) const {
  const auto wanted = boost::algorithm::to_lower_copy(sql::name{name}.unquoted());
  for (const auto& [known, value] : user_variables_)
    if (known == wanted) return &value;
  return nullptr;
}

std::string text_of(const std::string& literal) {
  const auto hex = literal.find(" 0x");
  if (literal.empty() || literal[0] != '_' || hex == std::string::npos) return {};
  const auto digits = std::string_view(literal).substr(hex + 3);
  std::string text;
  boost::algorithm::unhex(digits.substr(0, digits.find(' ')), std::back_inserter(text));
  return text;
}

} // namespace holdwater::proxy
