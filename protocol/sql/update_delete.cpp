// UPDATE and DELETE: which of the tables are written.
//
// Invariant: where a target of a DELETE over several tables cannot be matched with a table reference, all of
// them count as written.
//
// Source: MySQL "UPDATE Statement", "DELETE Statement"; MariaDB "UPDATE", "DELETE", "Application-Time
// Periods".
#include "protocol/sql/characters.hpp"
#include "protocol/sql/statements.hpp"
#include "protocol/sql/walker.hpp"

namespace holdwater::protocol::sql {
namespace {

std::string_view bare(std::string_view raw) {
  const bool quoted = raw.size() >= 2 && (raw.front() == '`' || raw.front() == '"');
  return quoted ? raw.substr(1, raw.size() - 2) : raw;
}

bool same_name(const name& a, const name& b) {
  return iequals(bare(a.raw), bare(b.raw));
}

// To the SET behind the table references; true when there is more than one reference.
bool walk_references(reader& in) {
  const auto level = in.level();
  bool several = false;
  while (!in.at_end() && !(in.level() == level && in.at(kw::SET) && !in.top().expect_table)) {
    several = several || (in.level() == level && (in.at(',') || in.at_any(kw::JOIN, kw::STRAIGHT_JOIN)));
    step(in);
  }
  return several;
}

bool names_reference(const table_ref& target, const table_ref& table, const name& alias) {
  if (target.schema.empty() && !alias.empty()) return same_name(target.table, alias);
  return same_name(target.table, table.table) &&
         (target.schema.empty() || table.schema.empty() || same_name(target.schema, table.schema));
}

bool mark_written(reader& in, const table_ref& target) {
  bool found = false;
  for (std::size_t i = 0; i < in.out.tables.size(); ++i)
    if (names_reference(target, in.out.tables[i], in.work.aliases[i]))
      found = in.out.tables[i].written = true;
  return found;
}

void resolve_targets(reader& in) {
  bool all_found = true;
  for (const auto& target : in.work.targets) all_found = mark_written(in, target) && all_found;
  if (all_found) return;
  for (auto& table : in.out.tables) table.written = true;
}

// a, db.b.*, `c`.*
bool read_targets(reader& in) {
  do {
    table_ref target;
    if (!read_table(in, target)) return false;
    if (in.at('.') && in.ahead().is('*')) {
      in.advance();
      in.advance();
    }
    in.work.targets.push_back(target);
  } while (in.accept(','));
  return true;
}

void read_references(reader& in) {
  in.advance();
  in.note(trait::multi_table);
  open_tables(in, false);
  walk_to_end(in);
  resolve_targets(in);
}

// DELETE FROM t [PARTITION (...)] [AS a] ..., or DELETE FROM a, b USING ...
void read_from_form(reader& in) {
  in.advance();
  if (!read_targets(in)) return;
  if (in.at(kw::USING)) return read_references(in);
  if (in.work.targets.size() != 1) return in.confuse();
  auto target = in.work.targets.front();
  target.written = true;
  add_table(in, target);
  in.top().query = false;
  walk_to_end(in);
}

} // namespace

void read_update(reader& in) {
  in.out.kind = kind::update;
  in.advance();
  while (in.accept_any(kw::LOW_PRIORITY, kw::IGNORE)) {
  }
  open_tables(in, true);
  if (walk_references(in)) in.note(trait::multi_table);
  if (!in.at(kw::SET)) return in.confuse();
  walk_to_end(in);
}

void read_delete(reader& in) {
  in.out.kind = kind::erase;
  in.advance();
  if (in.how.mariadb && in.at(kw::HISTORY) && in.ahead().is(kw::FROM)) return read_unknown(in);
  while (in.at_any(kw::LOW_PRIORITY, kw::QUICK, kw::IGNORE) && !in.ahead().is('.')) in.advance();
  if (in.at(kw::FROM)) return read_from_form(in);
  if (!read_targets(in)) return;
  if (!in.at(kw::FROM)) return in.confuse();
  read_references(in);
}

} // namespace holdwater::protocol::sql
