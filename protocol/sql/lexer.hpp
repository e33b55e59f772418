// Cuts the text of a statement into tokens the way the server's own scanner would, one at a time.
//
// Invariant: next() moves forward and never reads behind the text. At a ';' or the end of the text it stays
// and gives `end` again and again; pass_semicolon() is the only way on. A lexer is a small value: copy it to
// look ahead.
//
// Source: MySQL "Language Structure" (literals, identifiers, variables, comments), MariaDB "Comment Syntax".
#pragma once

#include "protocol/sql/analysis.hpp"
#include "protocol/sql/words.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace holdwater::protocol::sql {

enum class token_kind : std::uint8_t {
  end,             // a ';' or the end of the text
  word,            // an unquoted name or keyword
  quoted_name,     // `x`, or "x" with ANSI_QUOTES
  string,          // 'x', "x", N'x', x'41', b'01'
  number,          // 1, 1.5e3, 0xff, 0b01
  user_variable,   // @x, @'x', @`x`
  system_variable, // @@x, without a following .y
  placeholder,     // ?
  assign,          // :=
  symbol,          // any other single byte
};

struct token {
  token_kind kind = token_kind::end;
  char symbol = 0;       // of a symbol: the byte
  bool glued = false;    // nothing, not even a comment, stands before it
  bool quoted_ok = true; // of a quoted thing: its closing quote is there
  word_info word;        // of a word that does not follow a '.'
  std::string_view text;

  [[nodiscard]] bool is(kw keyword) const { return word.keyword == keyword; }
  [[nodiscard]] bool is(char byte) const { return kind == token_kind::symbol && symbol == byte; }
  [[nodiscard]] bool marked(unsigned marks) const { return (word.marks & marks) != 0; }
  [[nodiscard]] bool named() const { return kind == token_kind::word || kind == token_kind::quoted_name; }
};

class lexer {
 public:
  lexer() = default;
  lexer(std::string_view text, const dialect& how, std::size_t offset = 0)
      : begin_(text.data()), at_(text.data() + offset), end_(text.data() + text.size()), how_(how) {}

  [[nodiscard]] token next();
  bool pass_semicolon();          // false at the end of the text
  void skip_all() { at_ = end_; } // the rest of the text belongs to this statement

  [[nodiscard]] std::size_t offset_of(const char* at) const { return static_cast<std::size_t>(at - begin_); }
  [[nodiscard]] const char* position() const { return at_; }

  [[nodiscard]] bool partial() const {
    return partial_ || in_version_comment_;
  } // asked at the end of a statement
  [[nodiscard]] bool doubtful() const {
    return doubtful_;
  } // something whose reading depends on what we do not know
  [[nodiscard]] bool hint_sets_variable() const { return hint_sets_variable_; } // /*+ SET_VAR(...) */

 private:
  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  [[nodiscard]] char peek(std::size_t ahead = 0) const { return ahead < left() ? at_[ahead] : '\0'; }

  bool skip_blanks(); // true when there was something to skip
  bool skip_one_comment();
  void skip_line();
  void skip_block(std::size_t opening, int nested);
  void enter_special(std::size_t opening, bool for_mariadb);
  [[nodiscard]] bool runs_version(unsigned long version, bool for_mariadb);

  void scan(token& out, bool after_dot);
  void scan_word(token& out, bool after_dot);
  void scan_number(token& out);
  void scan_at(token& out);
  void scan_quoted(token& out, token_kind kind, const char* start);
  [[nodiscard]] bool scan_to_quote(char quote, bool backslash);
  void scan_name_bytes();
  void doubt(const char* start); // a name from there to here
  bool scan_prefixed(token& out);
  void set(token& out, token_kind kind, const char* start);
  void one_byte(token& out, token_kind kind);

  const char* begin_ = nullptr;
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  dialect how_;
  bool in_version_comment_ = false;
  bool after_dot_ = false;  // the last token was a '.'
  bool after_name_ = false; // the last token was a name: a glued '.' belongs to it
  bool partial_ = false;
  bool doubtful_ = false;
  bool hint_sets_variable_ = false;
};

} // namespace holdwater::protocol::sql
