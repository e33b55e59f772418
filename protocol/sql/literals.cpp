// Values and names without their quotes.
//
// Source: MySQL "String Literals", "Hexadecimal Literals", "Schema Object Names".
#include "protocol/sql/characters.hpp"
#include "protocol/sql/charset.hpp"
#include "protocol/sql/lexer.hpp"

namespace holdwater::protocol::sql {
namespace {

char escaped(char c) {
  switch (c) {
  case '0': return '\0';
  case 'b': return '\b';
  case 'n': return '\n';
  case 'r': return '\r';
  case 't': return '\t';
  case 'Z': return '\x1a';
  default: return c;
  }
}

std::string unquote(std::string_view text, const dialect& how, bool backslash) {
  const char quote = text.front();
  std::string out;
  const char* const end = text.data() + text.size();
  for (const char* at = text.data() + 1; at < end; ++at) {
    if (*at == '\\' && backslash && at + 1 < end) {
      ++at;
      if (*at == '%' || *at == '_') out += '\\'; // these keep their backslash, for LIKE
      out += escaped(*at);
      continue;
    }
    if (*at == quote) {
      if (at + 1 >= end || at[1] != quote) break;
      ++at;
    }
    const auto size = character_size(how.client_charset, at, end);
    out.append(at, size);
    at += size - 1;
  }
  return out;
}

unsigned digit_of(char c) {
  return is_digit(c) ? static_cast<unsigned>(c - '0') : (static_cast<unsigned>(c) | 0x20u) - 'a' + 10;
}

// x'4142': two digits to a byte; b'0100': eight.
std::string bytes_of(std::string_view digits, unsigned bits) {
  std::string out;
  const std::size_t to_a_byte = 8 / bits;
  unsigned value = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    value = (value << bits) | digit_of(digits[i]);
    if ((digits.size() - i - 1) % to_a_byte == 0) {
      out += static_cast<char>(value & 0xffu);
      value = 0;
    }
  }
  return out;
}

std::string string_value(std::string_view text, const dialect& how) {
  const char first = text.front();
  if (first == '\'' || first == '"') return unquote(text, how, !how.no_backslash_escapes);
  text.remove_prefix(1);
  if (first == 'n' || first == 'N') return unquote(text, how, !how.no_backslash_escapes);
  const auto digits = text.substr(1, text.size() > 1 ? text.size() - 2 : 0);
  return bytes_of(digits, first == 'b' || first == 'B' ? 1 : 4);
}

} // namespace

// The character set is not known here: a lone quote inside is taken for the second byte of a character.
std::string name::unquoted() const {
  if (raw.empty()) return {};
  const char quote = raw.front();
  if (quote != '`' && quote != '"' && quote != '\'') return std::string(raw);
  const bool closed = raw.size() > 1 && raw.back() == quote;
  const auto inner = raw.substr(1, raw.size() - (closed ? 2 : 1));
  std::string out;
  for (std::size_t i = 0; i < inner.size(); ++i) {
    out += inner[i];
    if (inner[i] == quote && i + 1 < inner.size() && inner[i + 1] == quote) ++i;
  }
  return out;
}

std::string literal_value(std::string_view text, const dialect& how) {
  lexer source(text, how);
  std::string out;
  bool any_string = false;
  for (auto token = source.next(); token.kind != token_kind::end; token = source.next()) {
    if (token.kind == token_kind::string) {
      out += string_value(token.text, how);
      any_string = true;
    } else if (token.kind == token_kind::quoted_name) {
      return name{token.text}.unquoted();
    }
  }
  return any_string ? out : std::string(text);
}

} // namespace holdwater::protocol::sql
