// INSERT and REPLACE: the table, the column list, the shape of the rows.
//
// Source: MySQL "INSERT Statement", "REPLACE Statement", "VALUES Statement"; MariaDB "INSERT",
// "INSERT...RETURNING".
#include "protocol/sql/statements.hpp"
#include "protocol/sql/walker.hpp"

namespace holdwater::protocol::sql {
namespace {

using source = insert_shape::source;

// [tbl.]col: the last name counts. False when there is none.
bool read_column(reader& in) {
  table_ref column;
  if (!read_table(in, column)) return false;
  if (in.at('.') && in.ahead().named()) { // db.tbl.col
    in.advance();
    column.table = {in.now().text};
    in.advance();
  }
  in.out.insert.columns.push_back(column.table);
  return true;
}

// At the '(' of a column list.
void read_columns(reader& in) {
  in.advance();
  if (in.accept(')')) return;
  while (read_column(in) && in.accept(',')) {
  }
  if (!in.accept(')')) in.confuse();
}

bool at_row(const reader& in) {
  return in.at('(') || (in.at(kw::ROW) && in.ahead().is('('));
}

void read_rows(reader& in) {
  auto& shape = in.out.insert;
  shape.from = source::values;
  shape.first_row = in.source().offset_of(in.now().text.data() + in.now().text.size());
  in.advance();
  bool rows_of_query = false;
  do {
    if (!at_row(in)) return in.confuse();
    rows_of_query = in.accept(kw::ROW);
    walk_parenthesis(in);
    ++shape.rows;
  } while (in.accept(','));
  // VALUES ROW(1), ROW(2) ORDER BY ... LIMIT 1, or UNION ...: a query, whose rows are not counted here.
  const bool plain_end = in.at_end() || in.at_any(kw::AS, kw::ON) || (in.how.mariadb && in.at(kw::RETURNING));
  if (plain_end) return;
  if (!rows_of_query) return in.confuse();
  shape.from = source::select;
  shape.rows = 0;
  in.note(trait::select_source);
}

void read_assignments(reader& in) {
  auto& shape = in.out.insert;
  shape.from = source::set;
  shape.rows = 1;
  shape.first_row = in.source().offset_of(in.now().text.data() + in.now().text.size());
  in.advance();
  do {
    if (!read_column(in)) return;
    if (!in.at('=') && in.now().kind != token_kind::assign) return in.confuse();
    in.advance();
    const auto level = in.level();
    while (!in.at_end() && !(in.level() == level && (in.at(',') || in.at_any(kw::ON, kw::AS, kw::RETURNING))))
      step(in);
  } while (in.accept(','));
}

void read_select_source(reader& in) {
  in.out.insert.from = source::select;
  in.note(trait::select_source);
  walk_to_end(in);
}

bool at_query(const token& first) {
  return first.is(kw::SELECT) || first.is(kw::WITH) || first.is(kw::TABLE);
}

void read_modifiers(reader& in) {
  for (; in.at_any(kw::LOW_PRIORITY, kw::DELAYED, kw::HIGH_PRIORITY, kw::IGNORE); in.advance())
    if (in.at(kw::IGNORE)) {
      in.out.insert.ignore = true;
      in.note(trait::upsert);
    }
  in.accept(kw::INTO);
}

bool read_target(reader& in) {
  table_ref target;
  target.written = true;
  if (!read_table(in, target)) return false;
  add_table(in, target);
  if (!in.at(kw::PARTITION)) return true;
  in.advance();
  if (in.at('(')) skip_parenthesis(in);
  return true;
}

void read_source(reader& in) {
  if (in.at_any(kw::VALUES, kw::VALUE)) return read_rows(in);
  if (in.at(kw::SET)) return read_assignments(in);
  if (at_query(in.now()) || in.at('(')) return read_select_source(in);
  in.confuse();
}

// A single [[db.]tbl.]col, or anything else.
void read_returning(reader& in) {
  const auto at = in.source().offset_of(in.now().text.data());
  const bool in_comment = in.source().partial(); // then its end would be cut off with it
  in.note(trait::returning);
  in.advance();
  table_ref column;
  if (in.now().named() && read_table(in, column)) {
    if (in.at('.') && in.ahead().named()) {
      in.advance();
      column.table = {in.now().text};
      in.advance();
    }
    const bool plain = in.at_end() && !in_comment && in.out.insert.from != source::select;
    if (plain) in.out.insert.returned = column.table;
    if (plain) in.out.insert.returning_at = at;
  }
  walk_to_end(in);
}

// Behind the rows: AS new(a, b), ON DUPLICATE KEY UPDATE ..., RETURNING ...
void read_tail(reader& in) {
  if (in.accept(kw::AS)) {
    if (!in.now().named()) return in.confuse();
    in.advance();
    if (in.at('(')) skip_parenthesis(in);
  }
  if (in.how.mariadb && in.at(kw::RETURNING)) return read_returning(in);
  walk_to_end(in);
}

} // namespace

void read_insert(reader& in, kind which) {
  in.out.kind = which;
  in.advance();
  read_modifiers(in);
  if (!read_target(in)) return;
  const bool query_in_parenthesis =
      in.at('(') && (at_query(in.ahead()) || in.ahead().is('(') || in.ahead().is(kw::VALUES));
  if (in.at('(') && !query_in_parenthesis) read_columns(in);
  read_source(in);
  read_tail(in);
}

} // namespace holdwater::protocol::sql
