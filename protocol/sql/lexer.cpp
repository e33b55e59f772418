// The lexer's half that reads tokens: names, strings, numbers, variables. Comments are in comments.cpp.
#include "protocol/sql/lexer.hpp"

#include "protocol/sql/characters.hpp"
#include "protocol/sql/charset.hpp"

#include <algorithm>

namespace holdwater::protocol::sql {

token lexer::next() {
  token out;
  out.glued = !skip_blanks();
  out.text = {at_, at_};
  if (at_ == end_) return out;
  const bool after_dot = after_dot_ && out.glued;
  const bool dot_of_name = after_name_ && out.glued;
  after_dot_ = after_name_ = false;
  if (*at_ == ';') {
    out.text = {at_, 1};
    return out;
  }
  if (*at_ == '.' && (dot_of_name || !is_digit(peek(1)))) {
    one_byte(out, token_kind::symbol);
    after_dot_ = true;
    return out;
  }
  scan(out, after_dot);
  after_name_ = out.named() || out.kind == token_kind::system_variable;
  return out;
}

bool lexer::pass_semicolon() {
  skip_blanks();
  if (at_ == end_) return false;
  ++at_;
  in_version_comment_ = after_dot_ = after_name_ = false;
  partial_ = doubtful_ = hint_sets_variable_ = false;
  return true;
}

void lexer::set(token& out, token_kind kind, const char* start) {
  out.kind = kind;
  out.text = {start, static_cast<std::size_t>(at_ - start)};
}

void lexer::one_byte(token& out, token_kind kind) {
  out.symbol = *at_;
  ++at_;
  set(out, kind, at_ - 1);
}

void lexer::scan(token& out, bool after_dot) {
  const char c = *at_;
  if (is_name(c)) return is_digit(c) && !after_dot ? scan_number(out) : scan_word(out, after_dot);
  switch (c) {
  case '\'': return scan_quoted(out, token_kind::string, at_);
  case '"': return scan_quoted(out, how_.ansi_quotes ? token_kind::quoted_name : token_kind::string, at_);
  case '`': return scan_quoted(out, token_kind::quoted_name, at_);
  case '@': return scan_at(out);
  case '?': return one_byte(out, token_kind::placeholder);
  case '.': return scan_number(out);
  case '\\':
    if (peek(1) != 'N') break; // \N is NULL
    at_ += 2;
    set(out, token_kind::word, at_ - 2);
    out.word.keyword = kw::NULL_;
    return;
  case ':':
    if (peek(1) != '=') break;
    at_ += 2;
    return set(out, token_kind::assign, at_ - 2);
  default: break;
  }
  one_byte(out, token_kind::symbol);
}

void lexer::scan_name_bytes() {
  const char* const start = at_;
  while (at_ != end_ && is_name(*at_)) at_ += character_size(how_.client_charset, at_, end_);
  doubt(start);
}

// A name ends at white space, and who writes a no-break space there has not meant it.
void lexer::doubt(const char* start) {
  const char blank = high_blank(how_.client_charset);
  if (blank != '\0' && std::find(start, at_, blank) != at_) doubtful_ = true;
  if (is_ill_formed(how_.client_charset, {start, at_})) doubtful_ = true;
}

void lexer::scan_word(token& out, bool after_dot) {
  if (!after_dot && scan_prefixed(out)) return;
  const char* const start = at_;
  scan_name_bytes();
  set(out, token_kind::word, start);
  const bool qualifies = peek() == '.' && is_name(peek(1)); // INTO.t is the table t of a schema INTO
  if (!after_dot && !qualifies) out.word = find_word(out.text);
  // $tag$ opens a quoted text in newer MySQL versions and is a name in older ones.
  if (!how_.mariadb && *start == '$' && std::find(start + 1, at_, '$') != at_) doubtful_ = true;
}

// N'..', x'..' and b'..'
bool lexer::scan_prefixed(token& out) {
  if (peek(1) != '\'') return false;
  switch (*at_) {
  case 'n':
  case 'N':
  case 'x':
  case 'X':
  case 'b':
  case 'B': break;
  default: return false;
  }
  const char* const start = at_++;
  scan_quoted(out, token_kind::string, start);
  return true;
}

// At the opening quote; `start` is where the token begins.
void lexer::scan_quoted(token& out, token_kind kind, const char* start) {
  const char quote = *at_++;
  out.quoted_ok = scan_to_quote(quote, kind == token_kind::string && !how_.no_backslash_escapes);
  if (!out.quoted_ok) partial_ = true;
  if (kind == token_kind::quoted_name && is_ill_formed(how_.client_charset, {start, at_})) doubtful_ = true;
  set(out, kind, start);
}

// Behind the opening quote: goes behind the closing one. A doubled quote stands for itself.
bool lexer::scan_to_quote(char quote, bool backslash) {
  while (at_ != end_) {
    const char c = *at_;
    if (c == quote) {
      ++at_;
      if (at_ == end_ || *at_ != quote) return true;
      ++at_;
    } else if (c == '\\' && backslash) {
      at_ += std::min<std::size_t>(2, left());
    } else {
      at_ += character_size(how_.client_charset, at_, end_);
    }
  }
  return false;
}

// Digits may begin a name (1a), a number (1, 1.5, 1e5, .5) or a hexadecimal or binary literal (0x1f, 0b1).
void lexer::scan_number(token& out) {
  const char* const start = at_;
  const auto digits = [this] {
    while (at_ != end_ && is_digit(*at_)) ++at_;
  };
  const auto exponent = [this] {
    if (peek() != 'e' && peek() != 'E') return false;
    const std::size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
    if (!is_digit(peek(1 + sign))) return false;
    at_ += 1 + sign;
    return true;
  };
  digits();
  if (*start != '.' && peek() != '.') {
    if (exponent()) {
      digits();
      return set(out, token_kind::number, start);
    }
    scan_name_bytes();
    set(out, token_kind::number, start);
    const bool all_digits = std::all_of(start, at_, [](char c) { return is_digit(c); });
    const bool hex = out.text.size() > 2 && out.text.starts_with("0x") &&
                     std::all_of(start + 2, at_, [](char c) { return is_hex(c); });
    const bool binary = out.text.size() > 2 && out.text.starts_with("0b") &&
                        std::all_of(start + 2, at_, [](char c) { return c == '0' || c == '1'; });
    if (!all_digits && !hex && !binary) out.kind = token_kind::word;
    return;
  }
  ++at_;
  digits();
  if (exponent()) digits();
  set(out, token_kind::number, start);
}

// @x, @'x', @@x. A lone @ is a variable with an empty name.
void lexer::scan_at(token& out) {
  const char* const start = at_++;
  const bool system = peek() == '@' && at_ != end_;
  if (system) ++at_;
  const auto kind = system ? token_kind::system_variable : token_kind::user_variable;
  const char c = peek();
  if (at_ != end_ && (c == '`' || (!system && (c == '\'' || c == '"')))) {
    const char quote = *at_++;
    out.quoted_ok = scan_to_quote(quote, quote != '`' && !how_.no_backslash_escapes &&
                                             !(quote == '"' && how_.ansi_quotes));
    if (!out.quoted_ok) partial_ = true;
    if (is_ill_formed(how_.client_charset, {start, at_})) doubtful_ = true;
    return set(out, kind, start);
  }
  while (at_ != end_ && (is_name(*at_) || (!system && *at_ == '.')))
    at_ += character_size(how_.client_charset, at_, end_);
  doubt(start);
  set(out, kind, start);
}

} // namespace holdwater::protocol::sql
