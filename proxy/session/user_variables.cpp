// User variables: what SET gives them, and the text that says it again elsewhere.
#include "proxy/config/utf8.hpp"
#include "proxy/session/lasting_text.hpp"
#include "proxy/session/session_state.hpp"

#include "protocol/sql/characters.hpp"

#include <boost/algorithm/hex.hpp>
#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/predicate.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace holdwater::proxy {

namespace sql = protocol::sql;
using boost::algorithm::iequals;

namespace {

// x'4142', 0x4142, b'0101': a variable takes them as a binary string, also where a number is asked for.
bool is_bytes(std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdefABCDEF";
  constexpr std::size_t prefix = 2; // of 0x, x', b'
  if (text.size() <= prefix) return false;
  if (text.starts_with("0x")) return text.find_first_not_of(hex, prefix) == text.npos;
  if (text[1] != '\'' || text.back() != '\'') return false;
  const auto digits = text.substr(prefix, text.size() - prefix - 1);
  if (text[0] == 'x' || text[0] == 'X')
    return digits.size() % 2 == 0 && digits.find_first_not_of(hex) == text.npos;
  return (text[0] == 'b' || text[0] == 'B') && digits.find_first_not_of("01") == text.npos;
}

// From a client a server takes such a text with a warning; behind an introducer it refuses it.
bool is_ill_formed(std::string_view text, std::string_view character_set) {
  constexpr unsigned char four_bytes = 0xf0;
  if (!character_set.starts_with("utf8")) return false;
  const auto too_long = [](char c) { return static_cast<unsigned char>(c) >= four_bytes; };
  return find_bad_utf8(text) != text.npos ||
         (character_set != "utf8mb4" && std::ranges::any_of(text, too_long));
}

// The same of a kept value, where only the server can tell.
bool may_be_ill_formed(std::string literal) {
  constexpr std::array<std::string_view, 9> sets{"big5",   "cp932", "eucjpms", "euckr", "gb18030",
                                                 "gb2312", "gbk",   "sjis",    "ujis"};
  constexpr std::string_view converted = "CONVERT(";
  if (literal.starts_with(converted)) literal.erase(0, converted.size());
  if (!literal.starts_with('_')) return false;
  const auto set = std::string_view(literal).substr(1, literal.find(' ') - 1);
  return std::ranges::find(sets, set) != sets.end() && !sql::is_ascii(text_of(literal));
}

} // namespace

// Before the rest of the SET: it was read as a whole, in the character set and the mode of before it.
void session_state::assign_user_variables(const sql::statement& set) {
  for (const auto& one : set.assignments) {
    if (one.where != sql::assignment::target::user_variable) continue;
    const auto name = boost::algorithm::to_lower_copy(one.variable.unquoted());
    std::erase_if(user_variables_, [&](const auto& known) { return known.first == name; });
    if (const auto value = lasting_value(one)) {
      user_variables_.emplace_back(name, *value);
      limit_what_is_kept();
    } else {
      make_unrestorable("a user variable");
    }
  }
}

// The text that says the value again in any session; nothing: it is not known, or not how to say it.
std::optional<std::string> session_state::lasting_value(const sql::assignment& one) const {
  if (!one.literal || one.default_value || one.value.empty()) return std::nullopt;
  // the second byte of a character may be a backtick there
  if (!sql::is_ascii(one.variable.raw) && dialect_.has_low_second_bytes()) return std::nullopt;
  const auto& text = one.value;
  if (text.front() == '\'' || text.front() == '"') return as_read_now(sql::literal_value(text, dialect_));
  if (is_decimal(text) || iequals(text, "null")) return std::string(text);
  if (iequals(text, "true") || iequals(text, "false")) return iequals(text, "true") ? "1" : "0";
  if (!is_bytes(text)) return std::nullopt;
  const auto bytes =
      sql::literal_value(text[0] == '0' ? fmt::format("x'{}'", text.substr(2)) : std::string(text), dialect_);
  return bytes.empty() ? "_binary ''" : quoted(bytes, "binary");
}

// As the server reads a string literal: its bytes are the client's, its character set is the connection's.
std::optional<std::string> session_state::as_read_now(std::string_view text) const {
  const auto* client = profile_ ? profile_->default_of(context_.character_set_client) : nullptr;
  if (!client) return std::nullopt;
  if (is_ill_formed(text, client->character_set)) return std::nullopt;
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

// A string as the client would write it, if that gave it the collation that the variable has.
std::optional<std::string> session_state::as_bound_now(const std::string& kept) const {
  if (is_decimal(kept) || iequals(kept, "null")) return kept;
  const auto text = text_of(kept);
  if ((text.empty() && kept.find("''") == kept.npos) || as_read_now(text) != kept) return std::nullopt;
  const bool special = !dialect_.no_backslash_escapes;
  if (special && dialect_.has_low_second_bytes() && text.find('\\') != text.npos) return std::nullopt;
  std::string out = "'";
  for (const char c : text) out.append(c == '\'' || (c == '\\' && special) ? 2 : 1, c);
  return out + "'";
}

const std::string* session_state::user_variable(std::string_view name) const {
  const auto wanted = boost::algorithm::to_lower_copy(sql::name{name}.unquoted());
  for (const auto& [known, value] : user_variables_)
    if (known == wanted) return &value;
  return nullptr;
}

// Of a session that could not be restored, a name may be in another character set than its writes.
std::optional<std::vector<spool::user_variable>>
session_state::variables_for(const sql::statement& write) const {
  constexpr std::size_t most_unread = 1 << 20; // bytes; they are kept with each write
  std::vector<spool::user_variable> out;
  std::size_t unread = 0;
  for (const auto& [name, value] : user_variables_) {
    const bool read = std::ranges::any_of(write.user_variables, [&name = name](std::string_view one) {
      return boost::algorithm::to_lower_copy(sql::name{one}.unquoted()) == name;
    });
    if (!read && !sql::is_ascii(name) && !unrestorable_.empty()) continue;
    if (!read && may_be_ill_formed(value)) continue;
    if (!read) unread += name.size() + value.size();
    out.push_back({name, value});
  }
  if (unread > most_unread) return std::nullopt;
  return out;
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
