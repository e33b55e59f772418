// From a statement's first word to the reader of its kind.
//
// Source: MySQL "SQL Statements"; MariaDB "SQL Statements".
#include "protocol/sql/statements.hpp"
#include "protocol/sql/walker.hpp"

namespace holdwater::protocol::sql {

void read_statement(reader& in) {
  if (in.at('(')) return read_query(in);
  switch (in.now().word.keyword) {
  case kw::SELECT:
  case kw::WITH:
  case kw::TABLE:
  case kw::VALUES: return read_query(in);
  case kw::SHOW: return read_show(in);
  case kw::EXPLAIN:
  case kw::DESCRIBE:
  case kw::DESC: return read_explain(in);
  case kw::HELP: return read_rest(in, kind::show);
  case kw::INSERT: return read_insert(in, kind::insert);
  case kw::REPLACE: return read_insert(in, kind::replace);
  case kw::UPDATE: return read_update(in);
  case kw::DELETE: return read_delete(in);
  case kw::SET: return read_set(in);
  case kw::USE: return read_use(in);
  case kw::BEGIN: return read_begin(in);
  case kw::START: return read_start(in);
  case kw::COMMIT: return read_commit(in);
  case kw::ROLLBACK: return read_rollback(in);
  case kw::SAVEPOINT: return read_savepoint(in);
  case kw::RELEASE: return read_release(in);
  case kw::PREPARE: return read_prepare(in);
  case kw::EXECUTE: return read_execute(in);
  case kw::DEALLOCATE: return read_deallocate(in);
  case kw::DROP: return in.ahead().is(kw::PREPARE) ? read_deallocate(in) : read_ddl(in);
  case kw::CREATE:
  case kw::ALTER:
  case kw::RENAME:
  case kw::TRUNCATE:
  case kw::GRANT:
  case kw::REVOKE: return read_ddl(in);
  case kw::CALL: return read_expression(in, kind::call);
  case kw::LOAD: return read_load(in);
  case kw::LOCK: return read_lock(in);
  case kw::UNLOCK: return read_unlock(in);
  case kw::XA: return read_rest(in, kind::xa);
  case kw::HANDLER: return read_handler(in);
  case kw::DO: return read_expression(in, kind::do_);
  case kw::KILL: return read_expression(in, kind::kill);
  case kw::ANALYZE: return read_analyze(in);
  case kw::FLUSH: return read_flush(in);
  case kw::RESET:
  case kw::PURGE:
  case kw::OPTIMIZE:
  case kw::CHECK:
  case kw::CHECKSUM:
  case kw::REPAIR:
  case kw::CHANGE:
  case kw::STOP:
  case kw::SHUTDOWN:
  case kw::RESTART:
  case kw::INSTALL:
  case kw::UNINSTALL:
  case kw::BINLOG:
  case kw::CACHE:
  case kw::CLONE:
  case kw::IMPORT: return read_rest(in, kind::admin);
  case kw::BACKUP: return read_rest(in, kind::lock_tables); // BACKUP STAGE, BACKUP LOCK
  default: return read_unknown(in);
  }
}

} // namespace holdwater::protocol::sql
