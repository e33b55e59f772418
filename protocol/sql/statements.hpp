// The readers of the single kinds of statement. Each begins at the statement's first word, sets the kind, and
// goes to the statement's end, or confuses the reader where it cannot.
#pragma once

#include "protocol/sql/reader.hpp"

namespace holdwater::protocol::sql {

void read_statement(reader& in); // classify.cpp: finds out which of these it is

void read_query(reader& in); // reads.cpp
void read_show(reader& in);
void read_explain(reader& in); // EXPLAIN, DESCRIBE
void read_analyze(reader& in);

void read_insert(reader& in, kind which); // insert.cpp
void read_update(reader& in);             // update_delete.cpp
void read_delete(reader& in);

void read_set(reader& in); // set_statement.cpp

void read_begin(reader& in); // transaction.cpp
void read_start(reader& in);
void read_commit(reader& in);
void read_rollback(reader& in);
void read_savepoint(reader& in);
void read_release(reader& in);

void read_prepare(reader& in); // prepared.cpp
void read_execute(reader& in);
void read_deallocate(reader& in);

void read_ddl(reader& in);  // ddl.cpp
void read_load(reader& in); // others.cpp
void read_lock(reader& in);
void read_flush(reader& in);
void read_unlock(reader& in);
void read_use(reader& in);
void read_handler(reader& in);

// Not understood: the kind is unknown, and what follows belongs to it, semicolons too.
void read_unknown(reader& in);
// Everything up to the end is skipped.
void read_rest(reader& in, kind which);
// Everything up to the end is looked at for functions and variables.
void read_expression(reader& in, kind which);
// The statement has to end here.
void expect_end(reader& in);

} // namespace holdwater::protocol::sql
