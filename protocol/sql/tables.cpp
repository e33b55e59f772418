// The walker's part for table references and common table expressions.
//
// Source: MySQL "JOIN Clause", "Index Hints", "WITH (Common Table Expressions)"; MariaDB "JOIN Syntax",
// "WITH".
#include "protocol/sql/walker.hpp"

namespace holdwater::protocol::sql {
namespace {

// At a name: [RECURSIVE] name [(columns)] AS ( : opens the body as a query.
void open_definition(reader& in, bool recursive) {
  const auto raw = in.now().text;
  in.advance();
  if (in.at('(')) skip_parenthesis(in);
  if (!in.accept(kw::AS) || !in.at('(')) return in.confuse();
  in.work.ctes.push_back({raw, in.level(), recursive});
  in.advance();
  in.work.frames.emplace_back();
}

void skip_cycle(reader& in) {
  while (!in.at_end() && !in.accept(kw::RESTRICT)) in.advance();
}

} // namespace

bool hidden_by_cte(const reader& in, const table_ref& table) {
  if (!table.schema.empty()) return false;
  for (const auto& one : in.work.ctes)
    if (one.visible && one.raw == table.table.raw) return true;
  return false;
}

void skip_parenthesis(reader& in) {
  std::size_t depth = 0;
  do {
    if (in.at('(')) ++depth;
    if (in.at(')')) --depth;
    in.advance();
  } while (depth > 0 && !in.at_end());
  if (depth > 0) in.confuse("(");
}

bool read_table(reader& in, table_ref& out) {
  in.accept('.'); // ODBC: .t
  if (!in.now().named()) {
    in.confuse();
    return false;
  }
  out.schema = {};
  out.table = {in.now().text};
  in.advance();
  if (!in.at('.') || !in.ahead().named()) return true;
  in.advance();
  out.schema = out.table;
  out.table = {in.now().text};
  in.advance();
  return true;
}

void add_table(reader& in, const table_ref& table, const name& alias) {
  in.out.tables.push_back(table);
  in.work.aliases.push_back(alias);
}

void open_tables(reader& in, bool written) {
  auto& level = in.top();
  level.in_tables = level.expect_table = true;
  level.written = written;
}

// WITH also stands in WITH ROLLUP, WITH TIES and the like: a definition is told by the AS or '(' behind its
// name.
bool read_with(reader& in) {
  const bool recursive = in.ahead().is(kw::RECURSIVE);
  lexer probe = in.source();
  if (recursive && !probe.next().named()) return false;
  if (!recursive && !in.ahead().named()) return false;
  const auto behind = probe.next();
  if (!behind.is(kw::AS) && !behind.is('(')) return false;
  in.advance();
  if (recursive) in.advance();
  const auto outer = in.level();
  for (;;) {
    const auto index = in.work.ctes.size();
    open_definition(in, recursive);
    if (in.confused()) return true;
    while (!in.at_end() && in.level() > outer) step(in);
    if (index < in.work.ctes.size()) in.work.ctes[index].visible = true;
    if (in.at(kw::CYCLE)) skip_cycle(in);
    if (!in.at(',')) return true;
    in.advance();
    if (!in.now().named()) {
      in.confuse();
      return true;
    }
  }
}

} // namespace holdwater::protocol::sql
