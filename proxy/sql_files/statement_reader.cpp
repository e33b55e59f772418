#include "proxy/sql_files/statement_reader.hpp"

#include "protocol/sql/lexer.hpp"

#include <algorithm>
#include <utility>

namespace holdwater::proxy {
namespace {

namespace sql = protocol::sql;

constexpr std::size_t first_bytes = 256 << 10;
constexpr std::size_t most_statement_bytes = 256 << 20;
constexpr std::size_t most_note_bytes = 1 << 20;
constexpr std::size_t longest_mark = 16;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

} // namespace

// As much again as is there, so that a long statement is not looked at from its beginning too often.
bool statement_reader::read_more() {
  if (whole_) return false;
  buffer_.erase(0, std::exchange(at_, 0));
  const auto before = buffer_.size();
  buffer_.resize(before + std::max(first_bytes, before));
  from_.read(buffer_.data() + before, static_cast<std::streamsize>(buffer_.size() - before));
  const auto got = static_cast<std::size_t>(std::max<std::streamsize>(from_.gcount(), 0));
  buffer_.resize(before + got);
  read_ += got;
  whole_ = !from_;
  return true;
}

void statement_reader::pass(std::size_t count) {
  const auto passed = std::string_view(buffer_).substr(at_, count);
  line_ += static_cast<std::uint64_t>(std::ranges::count(passed, '\n'));
  at_ += count;
}

// What is behind the blanks here.
statement_reader::standing statement_reader::look() {
  while (true) {
    while (at_ < buffer_.size() && is_blank(buffer_[at_])) pass(1);
    const auto rest = std::string_view(buffer_).substr(at_);
    if (rest.size() < longest_mark && read_more()) continue;
    if (rest.empty()) return standing::end;
    const bool dashes = rest.starts_with("--") && (rest.size() == 2 || is_blank(rest[2]));
    return dashes || rest.front() == '#' ? standing::comment : standing::statement;
  }
}

// However long: no more of it is held than is read at once.
void statement_reader::skip_line() {
  while (true) {
    const auto rest = std::string_view(buffer_).substr(at_);
    const auto end = rest.find('\n');
    pass(std::min(end, rest.size()));
    if (end != rest.npos || !read_more()) return;
  }
}

statement_reader::outcome statement_reader::read_note(piece& out) {
  while (true) {
    const auto rest = std::string_view(buffer_).substr(at_);
    const auto end = rest.find('\n');
    if (end == rest.npos && rest.size() > most_note_bytes) return outcome::too_long;
    if (end == rest.npos && read_more()) continue;
    out.text = rest.substr(0, end);
    pass(out.text.size());
    return outcome::note;
  }
}

statement_reader::outcome statement_reader::next(const sql::dialect& how, piece& out) {
  out = {};
  auto here = look();
  for (; here == standing::comment; here = look()) {
    const auto rest = std::string_view(buffer_).substr(at_);
    out.line = line_;
    if (std::ranges::any_of(marks_, [&](std::string_view mark) { return rest.starts_with(mark); }))
      return read_note(out);
    skip_line();
  }
  out.line = line_;
  if (here == standing::end) return from_.bad() ? outcome::unreadable : outcome::end;
  while (true) {
    const auto rest = std::string_view(buffer_).substr(at_);
    sql::lexer lexer(rest, how);
    bool empty = true;
    while (lexer.next().kind != sql::token_kind::end) empty = false;
    const auto size = lexer.offset_of(lexer.position());
    const bool ends = size < rest.size() && rest[size] == ';';
    if (!ends && rest.size() > most_statement_bytes) return outcome::too_long;
    if (!ends && read_more()) continue;
    if (from_.bad()) return outcome::unreadable;
    if (!ends && !empty) return outcome::open;
    const auto begin = at_;
    pass(ends ? size + 1 : rest.size());
    if (!ends) return outcome::end;
    out.text = std::string_view(buffer_).substr(begin, size);
    while (!out.text.empty() && is_blank(out.text.back())) out.text.remove_suffix(1);
    return outcome::statement;
  }
}

} // namespace holdwater::proxy
