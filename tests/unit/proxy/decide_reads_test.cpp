// The table of decide() for a server that takes no writes and answers reads.
#include "tests/unit/proxy/decisions.hpp"

#include <doctest/doctest.h>

#include <string_view>
#include <vector>

using namespace holdwater::proxy;
using namespace holdwater::proxy::test;
using holdwater::protocol::command;
using enum action;

namespace {

situation reads_go_on(server_state state = server_state::down) {
  auto now = in(state);
  now.reads = true;
  return now;
}

struct reads_row {
  const char* text;
  action suspect, down, down_with_pending;
};

void check(const std::vector<reads_row>& table, const situation& like) {
  for (const auto& one : table) {
    CAPTURE(one.text);
    const auto facts = statement(one.text);
    auto now = like;
    now.server = server_state::suspect;
    CHECK(decide(facts, now).what == one.suspect);
    now.server = server_state::down;
    CHECK(decide(facts, now).what == one.down);
    now.any_pending = true;
    CHECK(decide(facts, now).what == one.down_with_pending);
  }
}

} // namespace

TEST_CASE("reads go on at a server that takes no writes, and writes are an outage's") {
  const std::vector<reads_row> table{
      {"INSERT INTO t VALUES (1)", hold, spool, spool},
      {"SELECT * FROM t", forward, forward, forward},
      {"SELECT SLEEP(1), ROW_COUNT(), @x := 1", forward, forward, forward},
      {"SHOW TABLES", forward, forward, forward},
      {"SELECT * FROM t FOR UPDATE", hold, forward, refuse},
      {"SELECT f()", hold, forward, refuse},
      {"CREATE TABLE x (a INT)", hold, forward, refuse},
      {"CALL p()", hold, forward, refuse},
      {"BEGIN", begin_collected, begin_collected, begin_collected},
      {"COMMIT", hold, forward, forward},
      {"ROLLBACK", forward, forward, forward},
      {"SAVEPOINT s", hold, forward, forward},
      {"SET time_zone = '+02:00'", forward, forward, forward},
      {"USE d", forward, forward, forward},
      {"LOCK TABLES t READ", hold, forward, refuse},
      {"INSERT INTO t VALUES (1); DELETE FROM t", hold, forward, refuse},
      {"wibble", hold, forward, refuse},
  };
  check(table, reads_go_on());
  for (const auto code : {command::ping, command::init_db, command::stmt_prepare, command::reset_connection})
    CHECK(decide(describe_command(code), reads_go_on()).what == forward);
}

TEST_CASE("a transaction that is open at a server which turns read-only hears from that") {
  auto now = reads_go_on();
  now.in_transaction = true;
  check({{"INSERT INTO t VALUES (1)", hold, forward, refuse},
         {"SELECT * FROM t", forward, forward, forward},
         {"SELECT * FROM t FOR UPDATE", hold, forward, refuse},
         {"COMMIT", hold, forward, forward},
         {"ROLLBACK", forward, forward, forward},
         {"SAVEPOINT s", hold, forward, forward}},
        now);
  now.in_transaction = false;
  now.can_collect = false; // temporary tables
  check({{"INSERT INTO t VALUES (1)", hold, forward, refuse}, {"BEGIN", hold, forward, forward}}, now);
}

TEST_CASE("an account whose writes are not queued hears from a read-only server while nothing is") {
  auto now = reads_go_on();
  now.known_account = false;
  check({{"INSERT INTO t VALUES (1)", hold, forward, refuse},
         {"SELECT * FROM t", forward, forward, forward},
         {"BEGIN", hold, forward, forward}},
        now);
  now.autocommit = false;
  CHECK(decide(statement("SELECT * FROM t"), now).what == forward);
}

TEST_CASE("a transaction that nothing was collected of reads at the server") {
  auto now = reads_go_on();
  now.collecting = true;
  check({{"SELECT * FROM t", open_snapshot, open_snapshot, open_snapshot},
         {"SELECT 1", forward, forward, forward},
         {"SET @a = 1", forward, forward, forward},
         {"INSERT INTO t VALUES (1)", hold, collect, collect},
         {"SELECT * FROM t FOR UPDATE", hold, refuse, refuse},
         {"COMMIT", commit_collected, commit_collected, commit_collected},
         {"SAVEPOINT s", savepoint_collected, savepoint_collected, savepoint_collected},
         {"SET TRANSACTION READ ONLY", hold, refuse, refuse}},
        now);
  now.reading = true;
  check({{"SELECT * FROM t", forward, forward, forward},
         {"INSERT INTO t VALUES (1)", hold, collect, collect},
         {"ROLLBACK", rollback_collected, rollback_collected, rollback_collected}},
        now);
  now.bound_by_reads = true; // SERIALIZABLE
  CHECK(decide(statement("INSERT INTO t VALUES (1)"), now).what == refuse);
}

TEST_CASE("a transaction that is collected cannot read what the server does not have") {
  for (const bool any : {true, false}) {
    auto now = reads_go_on();
    now.collecting = true;
    now.collected_any = any;
    now.has_read = !any;
    const auto chosen = decide(statement("SELECT * FROM t"), now);
    CHECK(chosen.what == refuse);
    CHECK(chosen.reason.find("cannot read") != std::string::npos);
    CHECK(decide(statement("INSERT INTO t VALUES (1)"), now).what == collect);
    CHECK(decide(statement("COMMIT"), now).what == commit_collected);
    CHECK(decide(statement("SET @a = 1"), now).what == set_locally);
  }
}

TEST_CASE("without autocommit a read of a table begins a transaction") {
  auto now = reads_go_on();
  now.autocommit = false;
  check({{"SELECT * FROM t", open_snapshot, open_snapshot, open_snapshot},
         {"SELECT 1", forward, forward, forward},
         {"SHOW TABLES", forward, forward, forward},
         {"SAVEPOINT s", savepoint_collected, savepoint_collected, savepoint_collected},
         {"INSERT INTO t VALUES (1)", hold, collect, collect}},
        now);
}

TEST_CASE("a snapshot that was given up is not replaced by a later one") {
  auto now = in(server_state::up);
  now.collecting = now.collected_any = now.has_read = true;
  CHECK(decide(statement("SELECT * FROM t"), now).what == put_on_server); // READ COMMITTED
  now.one_snapshot = true;
  for (const char* const text : {"SELECT * FROM t", "INSERT INTO t VALUES (1)", "SAVEPOINT s"}) {
    const auto chosen = decide(statement(text), now);
    CHECK(chosen.what == fail_transaction);
    CHECK(chosen.error == client_error::transaction_lost);
  }
  CHECK(decide(statement("COMMIT"), now).what == put_on_server);
  CHECK(decide(statement("ROLLBACK"), now).what == rollback_collected);
}

TEST_CASE("a transaction that has read what lacked queued writes takes no write, in any state") {
  for (const auto state : {server_state::up, server_state::down, server_state::draining}) {
    auto now = reads_go_on(state);
    now.stale = now.in_transaction = true;
    const auto chosen = decide(statement("UPDATE t SET a = 1"), now);
    CHECK(chosen.what == refuse);
    CHECK(chosen.reason.find("roll it back") != std::string::npos);
    CHECK(decide(statement("SELECT * FROM t"), now).what == forward);
    CHECK(decide(statement("COMMIT"), now).what != refuse);
    CHECK(decide(statement("ROLLBACK"), now).what != refuse);
  }
  auto now = reads_go_on();
  now.stale = now.collecting = now.reading = true;
  CHECK(decide(statement("UPDATE t SET a = 1"), now).what == refuse);
}

TEST_CASE("a read of a table with pending units is noted where it does not wait for them") {
  auto now = reads_go_on();
  CHECK_FALSE(decide(statement("SELECT * FROM t"), now).note);
  now.depends_on_pending = true;
  CHECK(decide(statement("SELECT * FROM t"), now).note);
  now.server = server_state::draining;
  now.reads = false;
  CHECK(decide(statement("SELECT * FROM t"), now).what == wait_for_drain);
  now.held_out = true;
  CHECK(decide(statement("SELECT * FROM t"), now).note);
  now.server = server_state::halted;
  CHECK(decide(statement("SELECT * FROM t"), now).note);
  CHECK_FALSE(decide(statement("SET @a = 1"), now).note);
}

TEST_CASE("a question about the statement before is not the server's when that one was queued") {
  for (auto now : {reads_go_on(), in(server_state::draining), in(server_state::halted)}) {
    now.noted_last = now.answered_apart = true;
    CHECK(decide(statement("SELECT ROW_COUNT()"), now).what == refuse);
    CHECK(decide(statement("SELECT LAST_INSERT_ID()"), now).what == forward);
    now.answerable = true;
    CHECK(decide(statement("SHOW WARNINGS"), now).what == answer_read);
    CHECK(decide(statement("SELECT CONNECTION_ID()"), now).what == answer_read);
  }
}

TEST_CASE("in a session that would lose something a write waits for the drain") {
  auto now = in(server_state::draining);
  now.can_collect = false;
  CHECK(decide(statement("INSERT INTO t VALUES (1)"), now).what == wait_for_drain);
}

TEST_CASE("what has no answer is never refused") {
  for (const auto state : {server_state::up, server_state::suspect, server_state::down,
                           server_state::draining, server_state::halted})
    for (unsigned bits = 0; bits < 1u << 11; ++bits)
      for (const auto code : {command::stmt_send_long_data, command::stmt_close}) {
        auto asked = describe_command(code);
        auto now = in(state);
        asked.feeds_write = code == command::stmt_send_long_data && (bits & 1) != 0;
        now.reads = (bits & 2) != 0 && (state == server_state::suspect || state == server_state::down);
        now.held_out = (bits & 4) != 0;
        now.collecting = (bits & 8) != 0;
        now.collected_any = now.collecting && (bits & 16) != 0;
        now.has_read = now.one_snapshot = now.collecting && (bits & 32) != 0;
        now.stale = (bits & 64) != 0;
        now.any_pending = (bits & 128) != 0;
        now.in_transaction = !now.collecting && (bits & 256) != 0;
        now.transaction_lost = (bits & 512) != 0;
        now.depends_on_pending = (bits & 1024) != 0;
        const auto what = decide(asked, now).what;
        CHECK(what != refuse);
        CHECK(what != fail_transaction);
        CHECK(what != lose_transaction);
      }
}

TEST_CASE("long data is kept here only for a write") {
  auto data = describe_command(command::stmt_send_long_data);
  CHECK(decide(data, reads_go_on()).what == forward);
  data.feeds_write = true;
  CHECK(decide(data, reads_go_on()).what == keep_long_data);
}
