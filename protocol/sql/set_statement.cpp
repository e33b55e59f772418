// SET in all its forms, as a list of assignments in the order written.
//
// Source: MySQL "SET Syntax for Variable Assignment", "SET NAMES", "SET CHARACTER SET", "SET TRANSACTION";
// MariaDB "SET", "SET STATEMENT".
#include "protocol/sql/characters.hpp"
#include "protocol/sql/functions.hpp"
#include "protocol/sql/statements.hpp"
#include "protocol/sql/walker.hpp"

#include <algorithm>
#include <optional>

namespace holdwater::protocol::sql {
namespace {

using target = assignment::target;

assignment& add(reader& in, target where, std::string_view variable = {}) {
  assignment one;
  one.where = where;
  one.variable = {variable};
  in.out.assignments.push_back(one);
  return in.out.assignments.back();
}

void add_other(reader& in) {
  auto& one = add(in, target::other, in.now().text);
  const char* const start = in.now().text.data();
  in.skip_to_end();
  one.value = {start, static_cast<std::size_t>(in.last_end() - start)};
}

std::string_view from(const char* start, const reader& in) {
  return {start, std::max(start, in.last_end())};
}

// Tells from the tokens of a value whether it is a constant.
class constant {
 public:
  explicit constant(bool identifiers) : identifiers_(identifiers) {}

  void take(const token& one) {
    switch (one.kind) {
    case token_kind::string:
      known_ = known_ && !word_ && !number_ && !sign_;
      string_ = true;
      break;
    case token_kind::number:
      known_ = known_ && !word_ && !string_ && !number_;
      number_ = true;
      break;
    case token_kind::word: take_word(one); break;
    case token_kind::quoted_name:
      known_ = known_ && identifiers_ && !any();
      word_ = true;
      break;
    case token_kind::symbol:
      known_ = known_ && (one.symbol == '-' || one.symbol == '+') && !any() && !sign_;
      sign_ = true;
      break;
    default: known_ = false;
    }
  }
  [[nodiscard]] bool known() const { return known_ && any(); }

 private:
  [[nodiscard]] bool any() const { return word_ || string_ || number_; }

  void take_word(const token& one) {
    const bool always = one.is(kw::NULL_) || one.is(kw::TRUE_) || one.is(kw::FALSE_);
    const bool introducer = one.text.front() == '_' && !any();
    known_ = known_ && !any() && !sign_ && (always || identifiers_ || introducer) && !one.marked(mark::bare);
    word_ = !introducer;
  }

  bool identifiers_;
  bool known_ = true;
  bool word_ = false;
  bool string_ = false;
  bool number_ = false;
  bool sign_ = false;
};

void read_value(reader& in, assignment& one) {
  const char* const start = in.now().text.data();
  one.default_value = in.at(kw::DEFAULT) && !in.ahead().is('(');
  constant value(one.where != target::user_variable);
  const auto level = in.level();
  while (!in.at_end() && !(in.at(',') && in.level() == level)) {
    value.take(in.now());
    step(in);
  }
  one.value = from(start, in);
  one.literal = value.known();
  if (one.value.empty()) in.confuse("SET");
}

bool accept_equals(reader& in) {
  if (!in.at('=') && in.now().kind != token_kind::assign) return false;
  in.advance();
  return true;
}

std::optional<target> scope_of(const token& word) {
  if (word.is(kw::GLOBAL) || word.is(kw::PERSIST) || word.is(kw::PERSIST_ONLY)) return target::global;
  if (word.is(kw::SESSION) || word.is(kw::LOCAL)) return target::session;
  return std::nullopt;
}

std::optional<target> scope_of(std::string_view word) {
  token spelled;
  spelled.word = find_word(word);
  return scope_of(spelled);
}

// x = value. A dotted name is a structured variable, or a trigger's NEW.x, or a component's.
void read_variable(reader& in, target where) {
  if (!in.now().named()) return in.confuse();
  const char* const start = in.now().text.data();
  in.advance();
  bool dotted = false;
  while (in.at('.') && in.ahead().named()) {
    dotted = true;
    in.advance();
    in.advance();
  }
  auto& one = add(in, dotted && where != target::global ? target::other : where, from(start, in));
  if (!accept_equals(in)) return in.confuse();
  read_value(in, one);
}

// Set behind a bare @@, they hold for the next transaction alone; without the @@, for the session.
bool is_of_transaction(std::string_view variable) {
  const auto plain = name{variable}.unquoted();
  for (const auto* one : {"transaction_isolation", "transaction_read_only", "tx_isolation", "tx_read_only"})
    if (iequals(plain, one)) return true;
  return false;
}

// @@x, @@session.x, @@global.x
void read_at_at(reader& in) {
  auto word = in.now().text.substr(2);
  in.advance();
  const auto scope = in.at('.') ? scope_of(word) : std::nullopt;
  auto where = scope.value_or(is_of_transaction(word) ? target::next_transaction : target::session);
  if (scope) {
    in.advance();
    word = in.now().text;
    in.advance();
  }
  if (in.at('.')) where = where == target::global ? where : target::other;
  while (in.at('.') && in.ahead().named()) {
    in.advance();
    in.advance();
  }
  auto& one = add(in, where, word);
  if (word.empty() || !accept_equals(in)) return in.confuse();
  read_value(in, one);
}

void read_user(reader& in) {
  auto& one = add(in, target::user_variable, in.now().text.substr(1));
  in.note(trait::writes_user_variable);
  in.advance();
  if (!accept_equals(in)) return in.confuse();
  read_value(in, one);
}

// A charset's or collation's name: one word, string, or DEFAULT.
std::string_view read_charset(reader& in) {
  const auto& now = in.now();
  const bool is_name = now.named() || now.kind == token_kind::string;
  const auto text = now.text;
  if (!is_name)
    in.confuse();
  else
    in.advance();
  return text;
}

void read_names(reader& in) {
  in.advance();
  auto& one = add(in, target::names);
  one.literal = true;
  one.default_value = in.at(kw::DEFAULT);
  if (accept_equals(in)) return in.confuse();
  one.value = read_charset(in);
  if (in.accept(kw::COLLATE)) one.extra = read_charset(in);
}

void read_character_set(reader& in) {
  if (!in.accept(kw::CHARSET)) {
    in.advance();
    in.advance();
  }
  auto& one = add(in, target::character_set);
  one.literal = true;
  one.default_value = in.at(kw::DEFAULT);
  one.value = read_charset(in);
}

bool accept_words(reader& in, kw first, kw second) {
  if (!in.at(first) || !in.ahead().is(second)) return false;
  in.advance();
  in.advance();
  return true;
}

std::string_view read_isolation(reader& in) {
  if (accept_words(in, kw::READ, kw::COMMITTED)) return "READ-COMMITTED";
  if (accept_words(in, kw::READ, kw::UNCOMMITTED)) return "READ-UNCOMMITTED";
  if (accept_words(in, kw::REPEATABLE, kw::READ)) return "REPEATABLE-READ";
  if (in.accept(kw::SERIALIZABLE)) return "SERIALIZABLE";
  in.confuse();
  return {};
}

// TRANSACTION {ISOLATION LEVEL x | READ ONLY | READ WRITE} [, ...]
void read_transaction(reader& in, target where) {
  in.advance();
  do {
    auto& one = add(in, where, "transaction_read_only");
    one.literal = true;
    if (accept_words(in, kw::ISOLATION, kw::LEVEL)) {
      one.variable = {"transaction_isolation"};
      one.value = read_isolation(in);
    } else if (accept_words(in, kw::READ, kw::ONLY)) {
      one.value = "1";
    } else if (accept_words(in, kw::READ, kw::WRITE)) {
      one.value = "0";
    } else {
      in.confuse();
    }
  } while (in.accept(','));
}

bool is_text(const token& word, std::string_view wanted) {
  return iequals(word.text, wanted);
}

// PASSWORD, ROLE, DEFAULT ROLE, RESOURCE GROUP, STATEMENT ... FOR: they take the rest of the statement.
bool at_other(const reader& in) {
  const bool assigned = in.ahead().is('=') || in.ahead().kind == token_kind::assign;
  if (in.at(kw::PASSWORD)) return true;
  if (in.at_any(kw::DEFAULT, kw::STATEMENT, kw::ROLE)) return !assigned;
  return in.at(kw::RESOURCE) && is_text(in.ahead(), "GROUP");
}

void read_one(reader& in, target& scope) {
  switch (in.now().kind) {
  case token_kind::user_variable: return read_user(in);
  case token_kind::system_variable: return read_at_at(in);
  default: break;
  }
  const bool assigned = in.ahead().is('=') || in.ahead().kind == token_kind::assign;
  if (in.at(kw::NAMES) && !assigned) return read_names(in);
  if (in.at(kw::CHARSET) && !assigned) return read_character_set(in);
  if (in.at_any(kw::CHARACTER, kw::CHAR) && in.ahead().is(kw::SET)) return read_character_set(in);
  const auto named = scope_of(in.now());
  if (named && !assigned && !in.ahead().is('.')) {
    scope = *named;
    in.advance();
  }
  read_variable(in, scope);
}

} // namespace

void read_set(reader& in) {
  in.out.kind = kind::set;
  in.advance();
  if (at_other(in)) {
    const bool prefix = in.at(kw::STATEMENT); // of any statement, a compound one too
    add_other(in);
    if (prefix) in.swallow();
    return;
  }
  const auto scope = scope_of(in.now());
  if (scope && in.ahead().is(kw::TRANSACTION)) {
    in.advance();
    return read_transaction(in, *scope);
  }
  if (in.at(kw::TRANSACTION) && (in.ahead().is(kw::ISOLATION) || in.ahead().is(kw::READ)))
    return read_transaction(in, target::next_transaction);
  auto inherited = target::session;
  do read_one(in, inherited);
  while (!in.confused() && in.accept(','));
  expect_end(in);
}

} // namespace holdwater::protocol::sql
