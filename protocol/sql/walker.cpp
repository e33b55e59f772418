// The walker's steps. Table references and WITH are in tables.cpp, calls and variables in functions.cpp.
//
// Source: MySQL "SELECT Statement", "Set Operations", "Expressions"; MariaDB "SELECT", "Sequences".
#include "protocol/sql/walker.hpp"

#include "protocol/sql/functions.hpp"

namespace holdwater::protocol::sql {
namespace {

constexpr std::size_t deepest_level = 10000; // the server's own parser gives up far earlier

bool opens_query(const token& first) {
  return first.is(kw::SELECT) || first.is(kw::WITH) || first.is(kw::VALUES) || first.is(kw::TABLE);
}

void open_parenthesis(reader& in) {
  if (in.level() > deepest_level) {
    in.confuse("(");
    in.skip_to_end();
    return;
  }
  auto& outer = in.top();
  frame inner;
  if (outer.expect_table) {
    outer.expect_table = false;
    inner.in_tables = inner.expect_table = !opens_query(in.ahead());
    inner.written = outer.written && inner.in_tables;
  }
  inner.query = in.ahead().is(kw::SELECT);
  in.work.frames.push_back(inner);
  in.advance();
}

void close_parenthesis(reader& in) {
  if (in.level() == 1)
    in.confuse(")");
  else {
    in.work.frames.pop_back();
    auto& ctes = in.work.ctes;
    while (!ctes.empty() && ctes.back().level > in.level()) ctes.pop_back();
  }
  in.advance();
}

// In table references: [FOR JOIN | FOR ORDER BY | FOR GROUP BY] behind USE / FORCE / IGNORE INDEX.
void skip_index_hint(reader& in) {
  in.advance();
  in.advance();
  if (in.accept(kw::FOR))
    while (!in.at_end() && !in.at('(')) in.advance();
  if (in.at('(')) skip_parenthesis(in);
}

bool at_index_hint(const reader& in) {
  return in.at_any(kw::USE, kw::FORCE, kw::IGNORE) && (in.ahead().is(kw::INDEX) || in.ahead().is(kw::KEY));
}

// Behind a table's name: PARTITION (...), an alias.
name read_alias(reader& in) {
  if (in.at(kw::PARTITION) && in.ahead().is('(')) {
    in.advance();
    skip_parenthesis(in);
  }
  const bool explicit_alias = in.accept(kw::AS);
  const auto& now = in.now();
  const bool is_alias = now.kind == token_kind::quoted_name || now.kind == token_kind::string ||
                        (now.kind == token_kind::word && (explicit_alias || !now.marked(mark::not_alias)));
  if (!is_alias) return {};
  const name alias{now.text};
  in.advance();
  return alias;
}

void table_factor(reader& in) {
  auto& level = in.top();
  if (in.at('{')) { // ODBC: { OJ a LEFT OUTER JOIN b ON ... }; MariaDB takes any name for the OJ
    in.advance();
    if (!in.accept(kw::OJ)) in.confuse("{");
    return;
  }
  if (in.at(kw::LATERAL) && in.ahead().is('(')) return in.advance();
  level.expect_table = false;
  if (in.at(kw::DUAL)) return in.advance();
  if (in.now().named() && in.ahead().is('(')) {
    if (!in.at(kw::JSON_TABLE)) in.note(trait::unknown_function, in.now().text);
    return in.advance();
  }
  table_ref table;
  const bool written = level.written;
  if (!read_table(in, table)) {
    if (!in.at_end()) in.advance();
    return;
  }
  const auto alias = read_alias(in);
  if (hidden_by_cte(in, table)) return;
  table.written = written;
  add_table(in, table, alias);
}

// a.b.c, a.b(...) and Oracle's sequence.NEXTVAL
void dotted_name(reader& in) {
  const auto first = in.now().text;
  auto last = first;
  table_ref sequence; // what stands before the last name
  sequence.written = true;
  while (in.now().named() && in.ahead().is('.')) {
    in.advance();
    in.advance();
    sequence.schema = sequence.table;
    sequence.table = {last};
    last = in.now().text;
  }
  if (in.at('*')) return in.advance();
  if (!in.now().named()) return; // as in: a. , which the server refuses
  const auto keyword = in.now().kind == token_kind::word ? find_word(last).keyword : kw::none;
  in.advance();
  if (in.at('('))
    in.note(trait::unknown_function, {first.data(), static_cast<std::size_t>(in.last_end() - first.data())});
  if (keyword == kw::NEXTVAL || keyword == kw::CURRVAL) {
    in.note(trait::sequence_access, last);
    add_table(in, sequence);
  }
}

void dotted_name_behind_dot(reader& in) {
  in.advance();
  if (in.ahead().is('.')) return dotted_name(in);
  if (in.ahead().is('(')) in.note(trait::unknown_function, in.now().text);
  in.advance();
}

// NEXT VALUE FOR s, PREVIOUS VALUE FOR s
void next_value(reader& in) {
  in.note(trait::sequence_access, in.now().text);
  in.advance();
  in.advance();
  in.advance();
  table_ref sequence;
  sequence.written = true;
  if (read_table(in, sequence)) add_table(in, sequence);
}

bool at_next_value(const reader& in) {
  if (!in.at_any(kw::NEXT, kw::PREVIOUS) || !in.ahead().is(kw::VALUE)) return false;
  lexer probe = in.source();
  return probe.next().is(kw::FOR);
}

// SELECT ... INTO @a, @b | OUTFILE 'x' | a
void into_clause(reader& in) {
  in.top().in_tables = false;
  in.note(trait::into_target);
  in.advance();
  while (in.now().kind == token_kind::user_variable) {
    in.note(trait::writes_user_variable);
    in.advance();
    if (!in.at(',')) return;
    in.advance();
  }
}

// FOR UPDATE, FOR SHARE; but FOR SYSTEM_TIME, FOR PORTION OF, SUBSTRING(a FOR 2), FOR ORDINALITY
void for_clause(reader& in) {
  if (in.ahead().is(kw::UPDATE) || in.ahead().is(kw::SHARE)) {
    in.note(trait::locking_read);
    in.top().in_tables = false;
  }
  in.advance();
}

void end_tables(reader& in) {
  in.top().in_tables = false;
  in.advance();
}

void call(reader& in) {
  note_call(in);
  const auto keyword = in.now().word.keyword;
  const bool sequence = in.now().marked(mark::sequence);
  in.advance();
  if (!sequence) return;
  in.advance(); // the parenthesis
  frame argument;
  argument.expect_table = true;
  argument.written = keyword != kw::LASTVAL;
  in.work.frames.push_back(argument);
}

void from_clause(reader& in) {
  const bool tables = in.top().query && in.before() != kw::DISTINCT; // IS DISTINCT FROM
  in.advance();
  if (tables) open_tables(in, false);
}

// A keyword that shapes the query. False when the word is no such keyword.
bool clause(reader& in) {
  auto& level = in.top();
  switch (in.now().word.keyword) {
  case kw::none: return false;
  case kw::SELECT:
    level.query = true;
    level.in_tables = level.expect_table = false;
    in.advance();
    return true;
  case kw::SQL_CALC_FOUND_ROWS: in.note(trait::found_rows); break;
  case kw::FROM: from_clause(in); return true;
  case kw::JOIN:
  case kw::STRAIGHT_JOIN:
    level.expect_table = level.in_tables;
    in.advance();
    return true;
  case kw::WITH:
    if (read_with(in)) return true;
    break;
  case kw::TABLE:
    in.advance();
    level.query = true;
    open_tables(in, false);
    return true;
  case kw::INTO: into_clause(in); return true;
  case kw::ON:
    if (!in.ahead().is(kw::DUPLICATE)) return false;
    in.note(trait::upsert);
    in.out.insert.on_duplicate = true;
    end_tables(in);
    return true;
  case kw::FOR: for_clause(in); return true;
  case kw::LOCK:
    if (in.ahead().is(kw::IN)) in.note(trait::locking_read);
    end_tables(in);
    return true;
  case kw::RETURNING:
    if (in.how.mariadb && in.level() == 1) in.note(trait::returning);
    end_tables(in);
    return true;
  case kw::NEXT:
  case kw::PREVIOUS:
    if (!at_next_value(in)) return false;
    next_value(in);
    return true;
  case kw::WHERE:
  case kw::GROUP:
  case kw::HAVING:
  case kw::ORDER:
  case kw::LIMIT:
  case kw::WINDOW:
  case kw::PROCEDURE:
  case kw::SET:
  case kw::UNION:
  case kw::EXCEPT:
  case kw::INTERSECT:
  case kw::FETCH:
  case kw::OFFSET:
  case kw::VALUES: break;
  default: return false;
  }
  if (in.ahead().is('(')) note_call(in);
  if (level.in_tables && !in.at_any(kw::SQL_CALC_FOUND_ROWS, kw::WITH)) level.in_tables = false;
  in.advance();
  return true;
}

void word(reader& in) {
  if (in.ahead().is('.') && (in.ahead().glued || in.at(kw::none))) return dotted_name(in);
  if (in.top().in_tables && at_index_hint(in)) return skip_index_hint(in);
  if (in.now().word.keyword != kw::none && clause(in)) return;
  if (in.ahead().is('(')) return call(in);
  note_bare_word(in);
  in.advance();
}

void quoted(reader& in) {
  if (in.ahead().is('.')) return dotted_name(in);
  if (in.ahead().is('(')) in.note(trait::unknown_function, in.now().text);
  in.advance();
}

void symbol(reader& in) {
  switch (in.now().symbol) {
  case '(': return open_parenthesis(in);
  case ')': return close_parenthesis(in);
  case ',':
    if (in.top().in_tables) in.top().expect_table = true;
    break;
  case '.': // a name that begins with a dot, or stands apart from it
    if (in.ahead().named()) return dotted_name_behind_dot(in);
    break;
  default: break;
  }
  in.advance();
}

} // namespace

void step(reader& in) {
  const auto kind = in.now().kind;
  if (in.top().expect_table && kind != token_kind::end && !in.at('(')) return table_factor(in);
  switch (kind) {
  case token_kind::end: return;
  case token_kind::word: return word(in);
  case token_kind::quoted_name: return quoted(in);
  case token_kind::user_variable: return read_user_variable(in);
  case token_kind::system_variable: return read_system_variable(in);
  case token_kind::placeholder: in.note(trait::placeholder); break;
  case token_kind::symbol: return symbol(in);
  case token_kind::string:
  case token_kind::number:
  case token_kind::assign: break;
  }
  in.advance();
}

void walk_to_end(reader& in) {
  while (!in.at_end()) step(in);
}

void walk_parenthesis(reader& in) {
  const auto outer = in.level();
  do step(in);
  while (!in.at_end() && in.level() > outer);
}

void walk_to_comma(reader& in) {
  const auto outer = in.level();
  while (!in.at_end() && !(in.at(',') && in.level() == outer)) step(in);
}

} // namespace holdwater::protocol::sql
