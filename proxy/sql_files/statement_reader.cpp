#include "proxy/sql_files/statement_reader.hpp"

#include "protocol/sql/lexer.hpp"

#include <algorithm>
#include <utility>

namespace holdwater::proxy {
namespace {

namespace sql = protocol::sql;

constexpr std::size_t first_bytes = 256 << 10;
constexpr std::size_t most_statement_bytes = 256 << 20;

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

// Blanks, and lines that are comments. False at the end of the file.
bool statement_reader::skip_blanks(piece& out) {
  while (true) {
    while (at_ < buffer_.size() && is_blank(buffer_[at_])) pass(1);
    const auto rest = std::string_view(buffer_).substr(at_);
    if (rest.size() < 3 && read_more()) continue;
    if (rest.empty()) return false;
    const bool dashes = rest.starts_with("--") && (rest.size() == 2 || is_blank(rest[2]));
    if (!dashes && rest.front() != '#') return true;
    const auto end = rest.find('\n');
    if (end == rest.npos && read_more()) continue;
    const auto comment = rest.substr(0, end);
    if (comment.starts_with(mark_)) {
      out.note = comment;
      out.note_line = line_;
    }
    pass(comment.size());
  }
}

statement_reader::outcome statement_reader::next(const sql::dialect& how, piece& out) {
  out = {};
  if (!skip_blanks(out)) return from_.bad() ? outcome::unreadable : outcome::end;
  out.line = line_;
  while (true) {
    const auto rest = std::string_view(buffer_).substr(at_);
    sql::lexer lexer(rest, how);
    while (lexer.next().kind != sql::token_kind::end) {
    }
    const auto size = lexer.offset_of(lexer.position());
    const bool ends = size < rest.size() && rest[size] == ';';
    if (!ends && rest.size() > most_statement_bytes) return outcome::too_long;
    if (!ends && read_more()) continue;
    if (from_.bad()) return outcome::unreadable;
    const auto begin = at_;
    pass(ends ? size + 1 : rest.size());
    out.text = std::string_view(buffer_).substr(begin, ends ? size : rest.size());
    while (!out.text.empty() && is_blank(out.text.back())) out.text.remove_suffix(1);
    return outcome::statement;
  }
}

} // namespace holdwater::proxy
