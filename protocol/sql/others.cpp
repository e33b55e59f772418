// The kinds that need the server anyway, and the small helpers of all kinds.
//
// Source: MySQL "LOAD DATA", "LOCK TABLES and UNLOCK TABLES", "LOCK INSTANCE FOR BACKUP", "USE", "HANDLER".
#include "protocol/sql/characters.hpp"
#include "protocol/sql/statements.hpp"
#include "protocol/sql/walker.hpp"

namespace holdwater::protocol::sql {
namespace {

bool at_tables(const token& word) {
  return word.is(kw::TABLE) || word.is(kw::TABLES);
}

} // namespace

void expect_end(reader& in) {
  if (!in.at_end()) in.confuse();
}

void read_unknown(reader& in) {
  in.confuse();
  in.swallow();
}

void read_rest(reader& in, kind which) {
  in.out.kind = which;
  in.skip_to_end();
}

void read_expression(reader& in, kind which) {
  in.out.kind = which;
  in.advance();
  walk_to_end(in);
}

void read_load(reader& in) {
  if (!in.ahead().is(kw::DATA) && !in.ahead().is(kw::XML)) return read_rest(in, kind::admin);
  in.out.kind = kind::load_data;
  while (!in.at_end() && !(in.at(kw::INTO) && in.ahead().is(kw::TABLE))) in.advance();
  in.advance();
  in.advance();
  table_ref table;
  table.written = true;
  if (in.now().named() && read_table(in, table)) add_table(in, table);
  // [CHARACTER SET x] ... [(a, @b, ...)] [SET c = @b, ...]
  bool values = false;
  for (bool of_charset = false; !in.at_end(); in.advance()) {
    values = values || (in.at(kw::SET) && !of_charset);
    if (!values && in.now().kind == token_kind::user_variable) in.note(trait::writes_user_variable);
    of_charset = in.now().is(kw::CHARACTER) || in.now().is(kw::CHAR);
  }
}

// FLUSH TABLES ... WITH READ LOCK and FOR EXPORT are locks, and LOCK INSTANCE FOR BACKUP is.
void read_flush(reader& in) {
  in.out.kind = kind::admin;
  for (in.advance(); !in.at_end(); in.advance())
    if (in.at(kw::LOCK) || iequals(in.now().text, "EXPORT")) in.out.kind = kind::lock_tables;
}

// t [[AS] alias] {READ [LOCAL] | [LOW_PRIORITY] WRITE} [, ...]
void read_lock(reader& in) {
  if (!at_tables(in.ahead())) return read_rest(in, kind::lock_tables);
  in.out.kind = kind::lock_tables;
  in.advance();
  do {
    in.advance(); // TABLES or a comma
    table_ref table;
    if (!in.now().named() || !read_table(in, table)) break;
    for (; !in.at_end() && !in.at(','); in.advance()) table.written = table.written || in.at(kw::WRITE);
    add_table(in, table);
  } while (in.at(','));
  in.skip_to_end();
}

void read_unlock(reader& in) {
  if (!at_tables(in.ahead())) return read_rest(in, kind::admin);
  in.out.kind = kind::unlock_tables;
  in.advance();
  in.advance();
  expect_end(in);
}

void read_use(reader& in) {
  in.out.kind = kind::use;
  in.advance();
  if (!in.now().named()) return in.confuse();
  in.out.subject = {in.now().text};
  in.advance();
  expect_end(in);
}

void read_handler(reader& in) {
  in.out.kind = kind::handler;
  in.advance();
  table_ref table;
  if (in.now().named() && read_table(in, table)) add_table(in, table);
  walk_to_end(in);
}

} // namespace holdwater::protocol::sql
