// SELECT and its relatives, SHOW, EXPLAIN, and MariaDB's ANALYZE of a statement.
//
// Source: MySQL "SELECT Statement", "TABLE", "VALUES", "SHOW Statements", "EXPLAIN Statement"; MariaDB
// "ANALYZE Statement": it runs what it analyzes.
#include "protocol/sql/statements.hpp"
#include "protocol/sql/walker.hpp"

#include <boost/algorithm/string/predicate.hpp>

namespace holdwater::protocol::sql {
namespace {

bool at_query(const reader& in) {
  return in.at_any(kw::SELECT, kw::WITH, kw::TABLE, kw::VALUES) || in.at('(');
}

void read_shown_table(reader& in) {
  table_ref table;
  if (!in.now().named() || !read_table(in, table)) return;
  if (in.at_any(kw::FROM, kw::IN) && in.ahead().named()) {
    in.advance();
    table.schema = {in.now().text};
    in.advance();
  }
  add_table(in, table);
}

// What these show is the session's own past.
bool at_session_report(const reader& in) {
  const bool own_status = in.before() == kw::SHOW || in.before() == kw::SESSION || in.before() == kw::LOCAL;
  return in.at_any(kw::WARNINGS, kw::ERRORS, kw::PROFILE, kw::PROFILES) || (in.at(kw::STATUS) && own_status);
}

void read_report(reader& in) {
  while (!in.at_end()) {
    if (at_session_report(in)) in.note(trait::session_function | trait::connection_value, in.now().text);
    const bool table_follows = in.at_any(kw::COLUMNS, kw::FIELDS, kw::INDEX, kw::INDEXES, kw::KEYS) &&
                               (in.ahead().is(kw::FROM) || in.ahead().is(kw::IN));
    const bool created = in.before() == kw::CREATE && in.at_any(kw::TABLE, kw::VIEW);
    if (in.at_any(kw::LIKE, kw::WHERE)) return walk_to_end(in);
    if (in.at('(')) {
      walk_parenthesis(in);
      continue;
    }
    in.advance();
    if (table_follows) in.advance();
    if (table_follows || created) read_shown_table(in);
  }
}

// Behind EXPLAIN: EXTENDED, PARTITIONS, FORMAT = x, INTO @x, FOR SCHEMA x.
void read_options(reader& in) {
  for (;;) {
    if (in.accept_any(kw::EXTENDED, kw::PARTITIONS)) continue;
    if (in.at(kw::FORMAT) && in.ahead().is('=')) {
      in.advance();
      in.advance();
      in.advance();
    } else if (in.at(kw::INTO)) {
      in.note(trait::into_target | trait::writes_user_variable);
      in.advance();
      in.advance();
    } else if (in.at(kw::FOR) && in.ahead().is(kw::SCHEMA)) {
      in.advance();
      in.advance();
      in.advance();
    } else {
      return;
    }
  }
}

// The statement is planned, not run: its tables count as read.
void read_explained(reader& in) {
  if (at_query(in)) return walk_to_end(in);
  read_statement(in);
  const bool known = in.out.is_write();
  for (auto& table : in.out.tables) table.written = false;
  in.out.insert = {};
  if (!known) in.confuse("EXPLAIN");
}

bool at_explainable(const reader& in) {
  return at_query(in) || in.at_any(kw::INSERT, kw::REPLACE, kw::UPDATE, kw::DELETE);
}

void read_run(reader& in) {
  read_options(in);
  if (!at_query(in)) {
    in.out.kind = kind::unknown;
    return read_unknown(in);
  }
  in.out.kind = kind::show;
  walk_to_end(in);
}

} // namespace

void read_query(reader& in) {
  in.out.kind = kind::select;
  if (in.at(kw::WITH) && read_with(in) && !in.confused()) {
    if (in.at(kw::UPDATE)) return read_update(in);
    if (in.at(kw::DELETE)) return read_delete(in);
    if (!at_query(in)) return in.confuse();
  }
  walk_to_end(in);
}

void read_show(reader& in) {
  in.out.kind = kind::show;
  in.advance();
  read_report(in);
}

void read_explain(reader& in) {
  in.out.kind = kind::show;
  in.advance();
  if (in.accept(kw::ANALYZE)) return read_run(in);
  read_options(in);
  if (in.at(kw::ANALYZE)) {
    in.advance();
    return read_run(in);
  }
  if (at_explainable(in)) {
    read_explained(in);
    in.out.kind = kind::show;
    return;
  }
  if (in.accept(kw::FOR)) return in.skip_to_end(); // CONNECTION n
  read_shown_table(in);
  in.skip_to_end(); // a column's name or pattern
}

void read_analyze(reader& in) {
  in.out.kind = kind::admin;
  in.advance();
  const bool runs = in.how.mariadb && (in.at(kw::FORMAT) || (at_explainable(in) && !in.at(kw::TABLE)));
  if (runs) return read_run(in);
  in.skip_to_end();
}

} // namespace holdwater::protocol::sql
