#include "protocol/sql/kill.hpp"
#include "protocol/sql/characters.hpp"

#include "protocol/sql/lexer.hpp"

#include <charconv>

namespace holdwater::protocol::sql {
namespace {

bool is_word(const token& one, std::string_view word) {
  return one.kind == token_kind::word && iequals(one.text, word);
}

} // namespace

kill_target read_kill(std::string_view text, std::size_t offset, const dialect& how) {
  kill_target out;
  lexer in(text, how, offset);
  auto now = in.next();
  if (!is_word(now, "kill")) return out;
  now = in.next();
  if (is_word(now, "hard") || is_word(now, "soft")) now = in.next();
  out.query_only = is_word(now, "query");
  if (out.query_only || is_word(now, "connection")) now = in.next();
  if (now.kind != token_kind::number) return out;
  const auto digits = now.text;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), out.id);
  if (failed != std::errc{} || end != digits.data() + digits.size()) return out;
  if (in.next().kind != token_kind::end || in.partial()) return out;
  out.literal = true;
  out.offset = in.offset_of(digits.data());
  out.size = digits.size();
  return out;
}

} // namespace holdwater::protocol::sql
