#include "protocol/sql/point_statements.hpp"

#include "protocol/sql/characters.hpp"
#include "protocol/sql/lexer.hpp"

#include <algorithm>
#include <array>

namespace holdwater::protocol::sql {
namespace {

using value_kind = plain_value::kind;

bool iequals(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; };
    return upper(x) == upper(y);
  });
}

// Words that may stand where a name is expected and would change what the statement does.
constexpr std::array<std::string_view, 8> modifiers{"LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED", "QUICK",
                                                    "IGNORE",       "ONLY",          "LATERAL", "SELECT"};

class point_reader {
 public:
  point_reader(std::string_view text, const dialect& how, std::span<const plain_value> bound)
      : how_(how), source_(text, how), bound_(bound) {
    advance();
  }

  std::optional<point> select() {
    if (!accept(kw::SELECT) || !select_list() || !accept(kw::FROM) || !table(kw::WHERE)) return {};
    auto found = condition();
    if (!found || !limit() || !ends()) return {};
    return found;
  }

  std::optional<point_write> write() {
    point_write out;
    bool good = false;
    if (accept(kw::INSERT))
      good = insert(out);
    else if (accept(kw::UPDATE))
      good = update(out);
    else if (accept(kw::DELETE))
      good = erase(out);
    if (!good || !ends()) return {};
    return out;
  }

 private:
  void advance() { now_ = source_.next(); }
  bool accept(kw keyword) { return now_.is(keyword) && (advance(), true); }
  bool accept(char byte) { return now_.is(byte) && (advance(), true); }
  [[nodiscard]] bool ends() {
    if (now_.kind != token_kind::end || source_.partial() || source_.doubtful() ||
        source_.hint_sets_variable())
      return false;
    return !source_.pass_semicolon() || source_.next().kind == token_kind::end;
  }

  // name, t.name, s.t.name: the last of them; "*" for t.*
  bool column(std::string& out, bool star) {
    for (;;) {
      if (star && accept('*')) {
        out = "*";
        return true;
      }
      if (!now_.named() || !now_.quoted_ok) return false;
      out = name{now_.text}.unquoted();
      advance();
      if (!accept('.')) return true;
    }
  }

  bool select_list() {
    do {
      std::string ignored;
      if (!column(ignored, true)) return false;
      if (accept(kw::AS)) {
        if (!now_.named() && now_.kind != token_kind::string) return false;
        advance();
      }
    } while (accept(','));
    return true;
  }

  // The one table, up to the word behind it.
  bool table(kw behind) {
    const bool modified = now_.kind == token_kind::word &&
                          std::any_of(modifiers.begin(), modifiers.end(),
                                      [&](std::string_view one) { return iequals(one, now_.text); });
    std::string ignored;
    if (modified || !column(ignored, false)) return false;
    accept(kw::AS);
    if (!now_.is(behind) && now_.named()) advance();
    return accept(behind);
  }

  // Behind WHERE.
  std::optional<point> condition() {
    unsigned open = 0;
    while (accept('(')) ++open;
    point out;
    if (!column(out.column, false)) return {};
    const bool list = accept(kw::IN);
    if (list ? !accept('(') : !accept('=')) return {};
    const auto wanted = literal();
    if (wanted.what == value_kind::text) {
      const auto number = whole_number(wanted.bytes);
      if (!number) return {};
      out.number = *number;
      out.quoted = true;
    } else if (wanted.what == value_kind::integer) {
      out.number = wanted.bytes;
    } else {
      return {};
    }
    if (list && !accept(')')) return {};
    for (; open > 0; --open)
      if (!accept(')')) return {};
    return out;
  }

  // At least one row.
  bool limit() {
    if (!accept(kw::LIMIT)) return true;
    const auto most = now_.kind == token_kind::number ? whole_number(now_.text) : std::nullopt;
    if (!most || *most == "0") return false;
    advance();
    return true;
  }

  // One token, perhaps behind a sign. Uncertain: it may have been passed, or not.
  plain_value literal() {
    const bool negative = now_.is('-');
    if (negative) advance();
    const auto token = now_;
    switch (token.kind) {
    case token_kind::number: {
      const auto number = whole_number(token.text);
      advance();
      if (!number) return {};
      return {value_kind::integer, negative && *number != "0" ? "-" + *number : *number};
    }
    case token_kind::placeholder: {
      advance();
      if (next_bound_ >= bound_.size()) return {};
      const auto& given = bound_[next_bound_++];
      return negative ? plain_value{} : given;
    }
    case token_kind::string: {
      const bool plain =
          token.quoted_ok && !negative && (token.text.front() == '\'' || token.text.front() == '"');
      advance();
      if (!plain) return {};
      return {value_kind::text, literal_value(token.text, how_)};
    }
    default:
      if (negative || !token.is(kw::NULL_)) return {};
      advance();
      return {value_kind::null, {}};
    }
  }

  [[nodiscard]] bool at_end_of_value() const { return now_.is(',') || now_.is(')') || now_.is(kw::WHERE); }

  // Up to what is behind it.
  std::optional<plain_value> value() {
    auto found = literal();
    if (at_end_of_value()) return found;
    for (unsigned depth = 0; depth > 0 || !at_end_of_value(); advance()) {
      if (now_.kind == token_kind::end) return {};
      if (now_.is('(')) ++depth;
      if (now_.is(')')) --depth;
      if (now_.kind == token_kind::placeholder) ++next_bound_;
    }
    return plain_value{};
  }

  bool update(point_write& out) {
    out.what = point_write::kind::update;
    if (!table(kw::SET)) return false;
    do {
      std::string to;
      if (!column(to, false) || !accept('=')) return false;
      const auto given = value();
      if (!given) return false;
      out.assigned.emplace_back(std::move(to), *given);
    } while (accept(','));
    auto where = accept(kw::WHERE) ? condition() : std::nullopt;
    if (where) out.where = std::move(*where);
    return where.has_value();
  }

  bool erase(point_write& out) {
    out.what = point_write::kind::erase;
    if (!accept(kw::FROM) || !table(kw::WHERE)) return false;
    auto where = condition();
    if (where) out.where = std::move(*where);
    return where.has_value();
  }

  bool insert(point_write& out) {
    out.what = point_write::kind::insert;
    std::string ignored;
    if (!accept(kw::INTO) || !column(ignored, false) || !accept('(')) return false;
    do {
      std::string to;
      if (!column(to, false)) return false;
      out.columns.push_back(std::move(to));
    } while (accept(','));
    if (!accept(')') || (!accept(kw::VALUES) && !accept(kw::VALUE))) return false;
    do {
      auto& row = out.rows.emplace_back();
      if (!accept('(')) return false;
      do {
        const auto given = value();
        if (!given || now_.is(kw::WHERE)) return false;
        row.push_back(*given);
      } while (accept(','));
      if (!accept(')') || row.size() != out.columns.size()) return false;
    } while (accept(','));
    return true;
  }

  const dialect& how_;
  lexer source_;
  token now_;
  std::span<const plain_value> bound_;
  std::size_t next_bound_ = 0;
};

} // namespace

std::optional<point> read_point_select(std::string_view text, const dialect& how,
                                       std::span<const plain_value> bound) {
  return point_reader(text, how, bound).select();
}

std::optional<point_write> read_point_write(std::string_view text, const dialect& how,
                                            std::span<const plain_value> bound) {
  return point_reader(text, how, bound).write();
}

std::optional<std::string> whole_number(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (!all_digits(text) || text.empty()) return {};
  text.remove_prefix(std::min(text.find_first_not_of('0'), text.size() - 1));
  constexpr std::size_t most_digits = 20; // of 2^64
  if (text.size() > most_digits) return {};
  return negative && text != "0" ? "-" + std::string(text) : std::string(text);
}

} // namespace holdwater::protocol::sql
