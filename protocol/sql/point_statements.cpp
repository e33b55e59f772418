#include "protocol/sql/point_statements.hpp"

#include "protocol/sql/characters.hpp"
#include "protocol/sql/lexer.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace holdwater::protocol::sql {
namespace {

using kind_of = given_value::kind;

// The tokens of a text, with the placeholders counted.
class cursor {
 public:
  cursor(std::string_view text, const dialect& how, std::size_t offset = 0)
      : text_(text), how_(how), source_(text, how, offset), now_(source_.next()) {}

  [[nodiscard]] const token& now() const { return now_; }
  [[nodiscard]] const dialect& how() const { return how_; }
  [[nodiscard]] std::size_t placeholders() const { return placeholders_; } // before the present token
  [[nodiscard]] std::size_t at() const { return source_.offset_of(now_.text.data()); }
  [[nodiscard]] std::size_t behind() const { return end_; } // where the token before has ended
  [[nodiscard]] bool at_end() const { return now_.kind == token_kind::end; }

  void advance() {
    if (now_.kind == token_kind::placeholder) ++placeholders_;
    end_ = source_.offset_of(now_.text.data() + now_.text.size());
    now_ = source_.next();
  }
  bool accept(kw keyword) { return now_.is(keyword) && (advance(), true); }
  bool accept(char byte) { return now_.is(byte) && (advance(), true); }

  // The statement ends here, and there was nothing in it that could be read in two ways.
  [[nodiscard]] bool ends_well() const {
    return at_end() && !source_.partial() && !source_.doubtful() && !source_.hint_sets_variable();
  }

 private:
  std::string_view text_;
  const dialect& how_;
  lexer source_;
  token now_;
  std::size_t placeholders_ = 0;
  std::size_t end_ = 0;
};

// A word that is no function called without parentheses, or a name in quotes.
bool is_name(const token& one) {
  if (one.kind == token_kind::quoted_name) return one.quoted_ok;
  return one.kind == token_kind::word && !one.marked(mark::bare);
}

struct source_table {
  name schema, table, alias;

  // Whether what stands before a column means this table.
  [[nodiscard]] bool is_called(const std::vector<name>& before) const {
    const auto& last = alias.empty() ? table : alias;
    switch (before.size()) {
    case 0: return true;
    case 1: return before[0].unquoted() == last.unquoted();
    case 2:
      return alias.empty() && !schema.empty() && before[0].unquoted() == schema.unquoted() &&
             before[1].unquoted() == table.unquoted();
    default: return false;
    }
  }
};

// [a.[b.]]c, or [a.[b.]]* where `stars` says so.
struct reference {
  std::vector<name> before;
  name column; // empty: *
};
std::optional<reference> read_reference(cursor& in, bool stars) {
  reference out;
  for (;;) {
    if (stars && in.accept('*')) return out;
    if (!is_name(in.now())) return std::nullopt;
    out.column = {in.now().text};
    in.advance();
    if (!in.now().is('.')) return out;
    in.advance();
    out.before.push_back(std::exchange(out.column, name{}));
  }
}

bool is_decimal(std::string_view text) {
  const auto point = text.find('.');
  if (point == text.npos) return all_digits(text);
  return all_digits(text.substr(0, point)) && all_digits(text.substr(point + 1));
}

bool is_moment(const std::vector<token>& all) {
  constexpr std::array<std::string_view, 2> names{"NOW", "CURRENT_TIMESTAMP"};
  const auto named = [&](std::string_view one) { return iequals(all[0].text, one); };
  if (all[0].kind != token_kind::word || std::none_of(names.begin(), names.end(), named)) return false;
  const bool empty = all.size() == 3 && all[1].is('(') && all[2].is(')');
  const bool precise =
      all.size() == 4 && all[1].is('(') && all[2].kind == token_kind::number && all[3].is(')');
  return empty || precise || (all.size() == 1 && named(names[1]));
}

given_value value_of(const std::vector<token>& all, std::size_t placeholders, const dialect& how) {
  if (all.empty()) return {};
  const auto& last = all.back();
  const bool minus = all.size() == 2 && all[0].is('-');
  if (last.kind == token_kind::number && (all.size() == 1 || minus) && is_decimal(last.text))
    return {kind_of::number, (minus ? "-" : "") + std::string(last.text)};
  if (is_moment(all)) return {kind_of::moment};
  if (all.size() != 1) return {};
  switch (last.kind) {
  case token_kind::string:
    if (!last.quoted_ok || (last.text.front() != '\'' && last.text.front() != '"')) return {};
    return {kind_of::text, literal_value(last.text, how)};
  case token_kind::placeholder: return {kind_of::placeholder, {}, placeholders};
  case token_kind::word:
    if (last.is(kw::NULL_)) return {kind_of::null};
    if (last.is(kw::DEFAULT)) return {kind_of::by_default};
    if (last.is(kw::TRUE_)) return {kind_of::number, "1"};
    if (last.is(kw::FALSE_)) return {kind_of::number, "0"};
    return {};
  default: return {};
  }
}

// Up to a comma or closing parenthesis of this level, one of the words, or the end.
template <class... Words>
given_value read_value(cursor& in, Words... ends) {
  constexpr std::size_t longest = 4; // NOW ( 6 )
  std::vector<token> all;
  const auto placeholders = in.placeholders();
  std::size_t depth = 0;
  bool long_one = false;
  while (!in.at_end()) {
    if (depth == 0 && (in.now().is(',') || in.now().is(')') || (in.now().is(ends) || ...))) break;
    if (in.now().is('(')) ++depth;
    if (in.now().is(')')) --depth;
    if (all.size() < longest)
      all.push_back(in.now());
    else
      long_one = true;
    in.advance();
  }
  return long_one ? given_value{} : value_of(all, placeholders, in.how());
}

// column = value [AND column = value ...]; `values`: where the values stand.
bool read_conditions(cursor& in, const source_table& from, std::vector<column_value>& out,
                     std::vector<point_read::part>* values) {
  do {
    auto left = read_reference(in, false);
    if (!left || !from.is_called(left->before) || !in.accept('=')) return false;
    const auto at = in.at();
    auto value = read_value(in, kw::AND, kw::LIMIT);
    if (values) values->push_back({at, in.behind() - at});
    out.push_back({left->column.unquoted(), std::move(value)});
  } while (in.accept(kw::AND));
  return true;
}

bool read_source(cursor& in, source_table& out, kw behind) {
  if (in.now().is(kw::IGNORE) || in.now().is(kw::LOW_PRIORITY) || in.now().is(kw::QUICK)) return false;
  auto table = read_reference(in, false);
  if (!table || table->before.size() > 1) return false;
  out.table = table->column;
  if (!table->before.empty()) out.schema = table->before[0];
  const bool as = in.accept(kw::AS);
  if (in.now().is(behind)) return !as;
  if (!is_name(in.now())) return false;
  out.alias = {in.now().text};
  in.advance();
  return true;
}

// LIMIT n with a row or more.
bool read_limit(cursor& in) {
  if (!in.accept(kw::LIMIT)) return true;
  const auto number = in.now();
  const bool some = number.kind == token_kind::number && all_digits(number.text) &&
                    number.text.find_first_not_of('0') != std::string_view::npos;
  in.advance();
  return some;
}

// The items of the list; false where one is no plain column.
bool read_items(cursor& in, std::vector<reference>& out) {
  do {
    auto one = read_reference(in, true);
    if (!one) return false;
    const bool star = one->column.empty();
    out.push_back(std::move(*one));
    const bool as = in.accept(kw::AS);
    if (in.now().is(kw::FROM) || in.now().is(',')) {
      if (as) return false;
      continue;
    }
    const bool text = in.now().kind == token_kind::string && in.now().quoted_ok;
    if (star || (!is_name(in.now()) && !text)) return false;
    in.advance(); // its alias, which is in the definition
  } while (in.accept(','));
  return true;
}

} // namespace

std::optional<point_read> read_point_select(std::string_view text, const dialect& how) {
  cursor in(text, how);
  std::vector<reference> items;
  source_table from;
  point_read out;
  if (!in.accept(kw::SELECT) || !read_items(in, items) || !in.accept(kw::FROM)) return std::nullopt;
  if (!read_source(in, from, kw::WHERE) || !in.accept(kw::WHERE)) return std::nullopt;
  if (!read_conditions(in, from, out.where, &out.values) || !read_limit(in) || !in.ends_well())
    return std::nullopt;
  const bool all = items.size() == 1 && items[0].column.empty();
  for (const auto& one : items) {
    if (!from.is_called(one.before) || (one.column.empty() && !all)) return std::nullopt;
    if (!all) out.columns.push_back(one.column.unquoted());
  }
  out.schema = from.schema;
  out.table = from.table;
  return out;
}

std::optional<point_change> read_point_change(std::string_view text, const dialect& how) {
  cursor in(text, how);
  source_table from;
  point_change out;
  out.erases = in.now().is(kw::DELETE);
  if (in.accept(kw::DELETE)) {
    if (!in.accept(kw::FROM) || !read_source(in, from, kw::WHERE)) return std::nullopt;
  } else {
    if (!in.accept(kw::UPDATE) || !read_source(in, from, kw::SET) || !in.accept(kw::SET)) return std::nullopt;
    do {
      const auto column = read_reference(in, false);
      if (!column || !from.is_called(column->before) || !in.accept('=')) return std::nullopt;
      auto value = read_value(in, kw::WHERE);
      out.set.push_back({column->column.unquoted(), std::move(value)});
    } while (in.accept(','));
  }
  if (!in.accept(kw::WHERE) || !read_conditions(in, from, out.where, nullptr) || !in.ends_well())
    return std::nullopt;
  out.table = from.table;
  return out;
}

std::optional<std::vector<std::vector<given_value>>>
read_inserted_rows(std::string_view text, const statement& one, const dialect& how, std::size_t most_rows) {
  const auto& shape = one.insert;
  if (shape.from != insert_shape::source::values || shape.rows == 0 || shape.rows > most_rows)
    return std::nullopt;
  std::vector<std::vector<given_value>> rows;
  cursor in(text, how, shape.first_row);
  do {
    if (!in.accept('(')) return std::nullopt;
    auto& row = rows.emplace_back();
    do {
      row.push_back(read_value(in));
    } while (in.accept(','));
    if (!in.accept(')')) return std::nullopt;
  } while (in.accept(','));
  if (!in.ends_well() || rows.size() != shape.rows) return std::nullopt;
  return rows;
}

} // namespace holdwater::protocol::sql
