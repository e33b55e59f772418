// SELECT and its relatives, SHOW, EXPLAIN, and MariaDB's ANALYZE of a statement.
//
// Source: MySQL "SELECT Statement", "TABLE", "VALUES", "SHOW Statements", "EXPLAIN Statement"; MariaDB
// "ANALYZE Statement": it runs what it analyzes.
#include "protocol/sql/statements.hpp"
#include "protocol/sql/walker.hpp"

#include <utility>

namespace holdwater::protocol::sql {
namespace {

bool at_query(const reader& in) {
  return in.at_any(kw::SELECT, kw::WITH, kw::TABLE, kw::VALUES) || in.at('(');
}

void read_shown_table(reader& in) {
  table_ref table;
  if ((!in.now().named() && !in.at('.')) || !read_table(in, table)) return;
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

// MySQL locks the rows that a subquery in it reads (measured on 9.7). That LAST_INSERT_ID(9) in it changes
// the session, nobody would look for in a SHOW.
void read_filter(reader& in) {
  const auto shown = in.out.tables.size();
  const auto before = std::exchange(in.out.traits, trait::none);
  walk_to_end(in);
  if (has(in.out.traits, trait::connection_value)) in.confuse("SHOW");
  in.out.traits |= before;
  if (in.out.tables.size() > shown) in.note(trait::locking_read);
}

void read_report(reader& in) {
  while (!in.at_end()) {
    if (at_session_report(in)) in.note(trait::session_function | trait::connection_value, in.now().text);
    const bool table_follows = in.at_any(kw::COLUMNS, kw::FIELDS, kw::INDEX, kw::INDEXES, kw::KEYS) &&
                               (in.ahead().is(kw::FROM) || in.ahead().is(kw::IN));
    const bool created = in.before() == kw::CREATE && in.at_any(kw::TABLE, kw::VIEW);
    if (in.at_any(kw::LIKE, kw::WHERE)) return read_filter(in);
    if (in.at('(')) {
      walk_parenthesis(in);
      continue;
    }
    in.advance();
    if (table_follows) in.advance();
    if (table_follows || created) read_shown_table(in);
  }
}

// Behind EXPLAIN: EXTENDED, PARTITIONS, FORMAT = x, INTO @x, FOR SCHEMA x, which it gives.
name read_options(reader& in) {
  name schema;
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
      schema = {in.now().text};
      in.advance();
    } else {
      return schema;
    }
  }
}

// EXPLAIN FOR SCHEMA x: the default database of what is explained.
void fill_schema(reader& in, const name& schema) {
  if (schema.empty()) return;
  for (auto& table : in.out.tables)
    if (table.schema.empty()) table.schema = schema;
}

// The statement is planned, not run: its tables count as read. But subqueries in a write may be run, and they
// lock what they read (measured on MariaDB 10.11).
void read_explained(reader& in) {
  const bool query = at_query(in);
  read_statement(in);
  const bool known = in.out.is_write(); // WITH ... UPDATE too
  if (query && !known) return;
  for (auto& table : in.out.tables) table.written = false;
  in.out.insert = {};
  in.note(trait::locking_read);
  if (!known) in.confuse("EXPLAIN");
}

bool at_explainable(const reader& in) {
  return at_query(in) || in.at_any(kw::INSERT, kw::REPLACE, kw::UPDATE, kw::DELETE);
}

void read_run(reader& in) {
  const auto schema = read_options(in);
  if (!at_query(in)) {
    in.out.kind = kind::unknown;
    return read_unknown(in);
  }
  read_query(in);
  if (in.out.is_write()) in.confuse(); // WITH ... UPDATE
  in.out.kind = kind::show;
  fill_schema(in, schema);
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
  const auto schema = read_options(in);
  if (in.at(kw::ANALYZE)) {
    in.advance();
    return read_run(in);
  }
  if (at_explainable(in)) {
    read_explained(in);
    in.out.kind = kind::show;
    return fill_schema(in, schema);
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
