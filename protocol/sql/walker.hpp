// Walks over expressions, queries and table references, noting tables, variables, functions and clauses.
//
// Invariant: every step moves on by at least one token, keeps the stack of parentheses in step with the text,
// and reports a table too many rather than one too few. Parentheses that do not match confuse the statement.
#pragma once

#include "protocol/sql/reader.hpp"

namespace holdwater::protocol::sql {

void step(reader& in);             // one token, or one name with its dots
void walk_to_end(reader& in);      // to the end of the statement
void walk_parenthesis(reader& in); // at '(': to behind its ')'
void walk_to_comma(reader& in);    // to a ',' on this level or the end
void skip_parenthesis(reader& in); // at '(': likewise, nothing in it matters
[[nodiscard]] bool read_table(reader& in,
                              table_ref& out); // [schema.]table; false and confused when there is none
[[nodiscard]] bool hidden_by_cte(const reader& in,
                                 const table_ref& table); // the name is a common table expression's
void add_table(reader& in, const table_ref& table, const name& alias = {});
void open_tables(reader& in, bool written); // table references follow on this level
bool read_with(reader& in);                 // at WITH: its definitions; false when it is no such clause

} // namespace holdwater::protocol::sql
