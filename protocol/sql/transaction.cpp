// BEGIN, START TRANSACTION, COMMIT, ROLLBACK and savepoints.
//
// Source: MySQL "START TRANSACTION, COMMIT, and ROLLBACK Statements", "SAVEPOINT"; MariaDB "BEGIN END" for
// the compound statement that a BEGIN may also open.
#include "protocol/sql/statements.hpp"

namespace holdwater::protocol::sql {
namespace {

// [AND [NO] CHAIN] [[NO] RELEASE]
void read_completion(reader& in) {
  if (in.accept(kw::AND)) {
    const bool no = in.accept(kw::NO);
    if (!in.accept(kw::CHAIN)) return in.confuse();
    if (!no) in.note(trait::chain_or_release);
  }
  const bool no = in.at(kw::NO) && in.ahead().is(kw::RELEASE);
  if (no) in.advance();
  if (in.accept(kw::RELEASE) && !no) in.note(trait::chain_or_release | trait::release_connection);
  expect_end(in);
}

void read_name(reader& in) {
  if (!in.now().named()) return in.confuse();
  in.out.subject = {in.now().text};
  in.advance();
  expect_end(in);
}

bool accept_pair(reader& in, kw first, kw second) {
  if (!in.at(first) || !in.ahead().is(second)) return false;
  in.advance();
  in.advance();
  return true;
}

bool read_characteristic(reader& in) {
  if (in.at(kw::WITH) && in.ahead().is(kw::CONSISTENT)) {
    in.advance();
    in.advance();
    in.note(trait::consistent_snapshot);
    return in.accept(kw::SNAPSHOT);
  }
  if (accept_pair(in, kw::READ, kw::ONLY)) {
    in.note(trait::read_only_transaction);
    return true;
  }
  if (!accept_pair(in, kw::READ, kw::WRITE)) return false;
  in.note(trait::read_write_transaction);
  return true;
}

} // namespace

void read_begin(reader& in) {
  in.out.kind = kind::begin;
  in.advance();
  in.accept(kw::WORK);
  if (!in.at_end()) return read_unknown(in);
}

void read_start(reader& in) {
  if (!in.ahead().is(kw::TRANSACTION)) return read_rest(in, kind::admin);
  in.out.kind = kind::begin;
  in.advance();
  in.advance();
  if (in.at_end()) return;
  do
    if (!read_characteristic(in)) return in.confuse();
  while (in.accept(','));
  expect_end(in);
}

void read_commit(reader& in) {
  in.out.kind = kind::commit;
  in.advance();
  in.accept(kw::WORK);
  read_completion(in);
}

void read_rollback(reader& in) {
  in.out.kind = kind::rollback;
  in.advance();
  in.accept(kw::WORK);
  if (!in.accept(kw::TO)) return read_completion(in);
  in.out.kind = kind::rollback_to_savepoint;
  if (in.at(kw::SAVEPOINT) && in.ahead().named()) in.advance();
  read_name(in);
}

void read_savepoint(reader& in) {
  in.out.kind = kind::savepoint;
  in.advance();
  read_name(in);
}

void read_release(reader& in) {
  in.out.kind = kind::release_savepoint;
  in.advance();
  if (!in.accept(kw::SAVEPOINT)) return in.confuse();
  read_name(in);
}

} // namespace holdwater::protocol::sql
