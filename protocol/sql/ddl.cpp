// Statements that commit implicitly. Only what a cache wants to know is read: the tables, TEMPORARY, a
// SELECT.
//
// Invariant: a statement whose body may hold semicolons (a stored program) takes the whole rest of the text,
// as the server's parser does.
//
// Source: MySQL "Data Definition Statements", "Stored Object Access Control"; MariaDB "CREATE PACKAGE".
#include "protocol/sql/characters.hpp"
#include "protocol/sql/statements.hpp"
#include "protocol/sql/walker.hpp"

namespace holdwater::protocol::sql {
namespace {

bool at_program(const reader& in) {
  return in.at_any(kw::PROCEDURE, kw::FUNCTION, kw::TRIGGER, kw::EVENT, kw::PACKAGE);
}

bool at_object(const reader& in) {
  return in.at_any(kw::TABLE, kw::TABLES, kw::VIEW, kw::INDEX, kw::SCHEMA, kw::ROLE) || at_program(in);
}

void accept_if_exists(reader& in) {
  if (!in.accept(kw::IF)) return;
  in.accept(kw::NOT);
  in.accept(kw::EXISTS);
}

bool read_written(reader& in) {
  table_ref table;
  table.written = true;
  if (!in.now().named() || !read_table(in, table)) return false;
  add_table(in, table);
  return true;
}

void read_list(reader& in) {
  accept_if_exists(in);
  while (read_written(in) && in.accept(',')) {
  }
}

// a TO b, c TO d
void read_renames(reader& in) {
  accept_if_exists(in);
  do {
    if (!read_written(in)) return;
    while (!in.at_end() && !in.accept(kw::TO)) in.advance();
    if (!read_written(in)) return;
  } while (in.accept(','));
}

// CREATE TABLE t ... [SELECT ...] and CREATE VIEW v AS SELECT ...: the queries' tables are read.
void read_definition(reader& in, bool table) {
  accept_if_exists(in);
  read_written(in);
  while (!in.at_end()) {
    if (in.at(kw::SELECT) && table) in.note(trait::select_source);
    if (in.at_any(kw::LIKE, kw::REFERENCES)) {
      in.advance();
      table_ref other;
      if (in.now().named() && read_table(in, other)) add_table(in, other);
    } else {
      step(in);
    }
  }
}

// RENAME [TO | AS] t, but not RENAME COLUMN, INDEX or KEY.
void read_rename_clause(reader& in) {
  const bool part = in.at_any(kw::INDEX, kw::KEY) || iequals(in.now().text, "COLUMN");
  if (part) return;
  in.accept_any(kw::TO, kw::AS);
  read_written(in);
}

void read_alteration(reader& in) {
  accept_if_exists(in);
  read_written(in);
  while (!in.at_end()) {
    const bool renames = in.accept(kw::RENAME);
    if (renames)
      read_rename_clause(in);
    else
      in.advance();
  }
}

void read_index(reader& in) {
  while (!in.at_end() && !in.accept(kw::ON)) in.advance();
  read_written(in);
}

void read_object(reader& in, kw verb) {
  const bool table = in.at(kw::TABLE);
  if (in.accept(kw::INDEX)) return read_index(in);
  if (!in.accept_any(kw::TABLE, kw::TABLES, kw::VIEW)) return;
  switch (verb) {
  case kw::CREATE: return read_definition(in, table);
  case kw::ALTER: return table ? read_alteration(in) : read_definition(in, false);
  case kw::RENAME: return read_renames(in);
  default: return read_list(in);
  }
}

} // namespace

void read_ddl(reader& in) {
  const auto verb = in.now().word.keyword;
  in.out.kind = kind::ddl;
  in.advance();
  if (verb == kw::TRUNCATE) {
    in.accept(kw::TABLE);
    read_list(in);
    return in.skip_to_end();
  }
  if (verb == kw::GRANT || verb == kw::REVOKE) return in.skip_to_end();
  while (!in.at_end() && !at_object(in)) {
    if (in.at(kw::TEMPORARY)) in.note(trait::temporary_table);
    in.advance();
  }
  const bool program = at_program(in) && (verb == kw::CREATE || verb == kw::ALTER);
  if (program) return in.swallow();
  read_object(in, verb);
  in.skip_to_end();
}

} // namespace holdwater::protocol::sql
