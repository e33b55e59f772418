// What each row of an INSERT gives for one column.
//
// Invariant: `generated` and `given` are said only of a lone literal whose value leaves no doubt; anything
// else is an expression.
//
// Source: MySQL "Using AUTO_INCREMENT": NULL, 0 and DEFAULT make the server choose.
#include "protocol/sql/characters.hpp"
#include "protocol/sql/lexer.hpp"

#include <algorithm>

namespace holdwater::protocol::sql {
namespace {

bool all_zeros(std::string_view text) {
  return text.find_first_not_of('0') == std::string_view::npos;
}

cell integer(std::string_view digits, bool zero_is_given) {
  if (!all_digits(digits)) return cell::expression;
  return all_zeros(digits) && !zero_is_given ? cell::generated : cell::given;
}

// Sees the tokens of one cell, one after the other.
class cell_reader {
 public:
  explicit cell_reader(bool zero_is_given) : zero_is_given_(zero_is_given) {}

  void take(const token& one) {
    ++tokens_;
    const bool sign = tokens_ == 1 && (one.is('-') || one.is('+'));
    if (sign) {
      --tokens_;
      signed_ = !signed_;
      doubtful_ = doubtful_ || !signed_;
      return;
    }
    found_ = meaning(one);
  }
  [[nodiscard]] cell result() const {
    if (tokens_ == 0) return signed_ ? cell::expression : cell::missing;
    return tokens_ == 1 && !doubtful_ ? found_ : cell::expression;
  }

 private:
  [[nodiscard]] cell meaning(const token& one) const {
    switch (one.kind) {
    case token_kind::number: return integer(one.text, zero_is_given_);
    case token_kind::string:
      return !signed_ && one.quoted_ok && one.text.size() > 2 &&
                     (one.text.front() == '\'' || one.text.front() == '"')
                 ? integer(one.text.substr(1, one.text.size() - 2), zero_is_given_)
                 : cell::expression;
    case token_kind::word:
      if (signed_) return cell::expression;
      if (one.is(kw::DEFAULT)) return zero_is_given_ ? cell::given : cell::generated; // it stands for 0
      return one.is(kw::NULL_) ? cell::generated : cell::expression;
    default: return cell::expression;
    }
  }

  const bool zero_is_given_;
  std::size_t tokens_ = 0;
  bool signed_ = false;
  bool doubtful_ = false;
  cell found_ = cell::missing;
};

// Behind the '(' of a row: reads to behind its ')'.
cell read_row(lexer& source, std::size_t position, bool zero_is_given) {
  cell_reader reader(zero_is_given);
  std::size_t column = 0;
  std::size_t depth = 0;
  for (auto one = source.next(); one.kind != token_kind::end; one = source.next()) {
    if (depth == 0 && one.is(')')) break;
    if (one.is('(')) ++depth;
    if (one.is(')')) --depth;
    if (depth == 0 && one.is(','))
      ++column;
    else if (column == position)
      reader.take(one);
  }
  return reader.result();
}

std::vector<cell> read_rows(lexer source, std::uint32_t rows, std::size_t position, bool zero_is_given) {
  std::vector<cell> cells;
  cells.reserve(rows);
  while (cells.size() < rows) {
    auto one = source.next();
    while (one.kind != token_kind::end && !one.is('(')) one = source.next();
    if (one.kind == token_kind::end) break;
    cells.push_back(read_row(source, position, zero_is_given));
  }
  return cells;
}

bool ends_assignments(const token& one) {
  return one.kind == token_kind::end || one.is(kw::ON) || one.is(kw::AS) || one.is(kw::RETURNING);
}

cell read_assignment(lexer source, std::size_t position, bool zero_is_given) {
  cell_reader reader(zero_is_given);
  std::size_t column = 0;
  std::size_t depth = 0;
  bool value = false; // behind the '='
  for (auto one = source.next(); depth > 0 ? one.kind != token_kind::end : !ends_assignments(one);
       one = source.next()) {
    if (one.is('(')) ++depth;
    if (one.is(')') && depth > 0) --depth;
    if (depth == 0 && one.is(',')) {
      ++column;
      value = false;
    } else if (!value) {
      value = one.is('=') || one.kind == token_kind::assign;
    } else if (column == position) {
      reader.take(one);
    }
  }
  return reader.result();
}

} // namespace

std::vector<cell> cell_kinds(std::string_view text, const statement& one, std::size_t position,
                             const dialect& how) {
  const auto& shape = one.insert;
  const auto end = std::min(text.size(), one.offset + one.size);
  if (shape.first_row > end) return {};
  const lexer source(text.substr(0, end), how, shape.first_row);
  switch (shape.from) {
  case insert_shape::source::values:
    return read_rows(source, shape.rows, position, how.no_auto_value_on_zero);
  case insert_shape::source::set: return {read_assignment(source, position, how.no_auto_value_on_zero)};
  case insert_shape::source::none:
  case insert_shape::source::select: return {};
  }
  return {};
}

} // namespace holdwater::protocol::sql
