// The lexer's half that skips white space and comments, and knows which comments are code.
//
// Invariant: a comment that the server would run is read as code; where that cannot be known, the lexer is
// doubtful.
//
// Source: MySQL "Comments": /*!80024 ... */ runs from that version on; /*+ ... */ are optimizer hints.
// MariaDB "Comment Syntax": /*M! ... */ and /*! ... */ run, but versions from 50700 to 99999 in the latter do
// not.
#include "protocol/sql/characters.hpp"
#include "protocol/sql/lexer.hpp"

#include <algorithm>

namespace holdwater::protocol::sql {
namespace {

constexpr std::string_view block_end = "*/";

bool contains_set_var(std::string_view hint) {
  constexpr std::string_view wanted = "set_var";
  const auto same = [](char a, char b) {
    return (static_cast<unsigned char>(a) | 0x20u) == (static_cast<unsigned char>(b) | 0x20u);
  };
  return std::search(hint.begin(), hint.end(), wanted.begin(), wanted.end(), same) != hint.end();
}

} // namespace

bool lexer::skip_blanks() {
  const char* const start = at_;
  do {
    while (at_ != end_ && is_blank(*at_)) ++at_;
  } while (at_ != end_ && skip_one_comment());
  return at_ != start;
}

bool lexer::skip_one_comment() {
  switch (*at_) {
  case '#': skip_line(); return true;
  case '-': {
    const bool comment =
        peek(1) == '-' && (left() == 2 || static_cast<unsigned char>(peek(2)) <= ' ' || peek(2) == 0x7f);
    if (comment) skip_line();
    return comment;
  }
  case '*':
    if (!in_version_comment_ || peek(1) != '/') return false;
    in_version_comment_ = false;
    at_ += 2;
    return true;
  case '/': break;
  default: return false;
  }
  if (peek(1) != '*') return false;
  if (peek(2) == '!')
    enter_special(3, false);
  else if (how_.mariadb && peek(2) == 'M' && peek(3) == '!')
    enter_special(4, true);
  else
    skip_block(2, 0);
  return true;
}

void lexer::skip_line() {
  at_ = std::find(at_, end_, '\n');
}

// A version comment that does not run may hold one level of plain comments.
void lexer::skip_block(std::size_t opening, int nested) {
  const bool hint = peek(2) == '+';
  const char* const body = at_ + opening;
  at_ = body;
  int depth = 0;
  for (; left() >= 2; ++at_) {
    if (nested > 0 && at_[0] == '/' && at_[1] == '*' && depth < nested) {
      ++depth;
      ++at_;
    } else if (at_[0] == '*' && at_[1] == '/') {
      if (depth-- == 0) {
        if (hint && contains_set_var({body, static_cast<std::size_t>(at_ - body)}))
          hint_sets_variable_ = true;
        at_ += block_end.size();
        return;
      }
      ++at_;
    }
  }
  at_ = end_;
  partial_ = true;
}

// At "/*!" or "/*M!": goes on behind the opening when the body is code, else behind the whole comment.
void lexer::enter_special(std::size_t opening, bool for_mariadb) {
  std::size_t digits = 0;
  while (digits < 6 && is_digit(peek(opening + digits))) ++digits;
  // MySQL takes a sixth digit for part of the version only when a blank follows it.
  if (digits == 6 && !how_.mariadb && !is_blank(peek(opening + digits))) digits = 5;
  unsigned long version = 0;
  for (std::size_t i = 0; i < digits; ++i)
    version = version * 10 + static_cast<unsigned long>(peek(opening + i) - '0');
  if (digits >= 5 && !runs_version(version, for_mariadb)) return skip_block(opening + digits, 1);
  at_ += opening + (digits >= 5 ? digits : 0);
  in_version_comment_ = true;
}

bool lexer::runs_version(unsigned long version, bool for_mariadb) {
  constexpr unsigned long first_of_mysql_only = 50700;
  constexpr unsigned long last_of_mysql_only = 99999;
  constexpr unsigned long every_server = 50100;
  if (how_.mariadb && !for_mariadb && version >= first_of_mysql_only && version <= last_of_mysql_only)
    return false;
  if (how_.version == 0 && version > every_server) doubtful_ = true;
  return how_.version == 0 || version <= how_.version;
}

} // namespace holdwater::protocol::sql
