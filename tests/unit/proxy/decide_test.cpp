// The table of decide(): a row a situation, a column a command.
#include "tests/unit/proxy/decisions.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

using namespace holdwater::proxy;
using namespace holdwater::proxy::test;
using holdwater::protocol::command;
using enum action;

namespace {

struct row {
  const char* text;
  action up, suspect, down, draining, halted;
};

// `situated`: the situation in a state of the server.
void check(const std::vector<row>& table, const std::function<situation(server_state)>& situated) {
  for (const auto& one : table) {
    CAPTURE(one.text);
    const auto facts = statement(one.text);
    CHECK(decide(facts, situated(server_state::up)).what == one.up);
    CHECK(decide(facts, situated(server_state::suspect)).what == one.suspect);
    CHECK(decide(facts, situated(server_state::down)).what == one.down);
    CHECK(decide(facts, situated(server_state::draining)).what == one.draining);
    CHECK(decide(facts, situated(server_state::halted)).what == one.halted);
  }
}

} // namespace

TEST_CASE("each kind of statement is treated as the contract's table says") {
  const std::vector<row> table{
      {"INSERT INTO t VALUES (1)", forward, hold, spool, spool, refuse},
      {"REPLACE INTO t VALUES (1)", forward, hold, spool, spool, refuse},
      {"UPDATE t SET a = 1", forward, hold, spool, spool, refuse},
      {"DELETE FROM t", forward, hold, spool, spool, refuse},
      {"SELECT * FROM t", forward, hold, refuse, forward, forward},
      {"SHOW TABLES", forward, hold, refuse, forward, forward},
      {"SELECT * FROM t FOR UPDATE", forward, hold, refuse, wait_for_drain, refuse},
      {"CREATE TABLE x (a INT)", forward, hold, refuse, wait_for_drain, refuse},
      {"CALL p()", forward, hold, refuse, wait_for_drain, refuse},
      {"BEGIN", forward, hold, begin_collected, begin_collected, refuse},
      {"START TRANSACTION READ ONLY", forward, hold, begin_collected, begin_collected, refuse},
      {"COMMIT", forward, hold, commit_collected, commit_collected, refuse},
      {"ROLLBACK", forward, hold, rollback_collected, forward, forward},
      {"SAVEPOINT s", forward, hold, savepoint_collected, wait_for_drain, refuse},
      {"SET TRANSACTION READ ONLY", forward, hold, set_locally, forward, forward},
      {"XA START 'x'", forward, hold, refuse, wait_for_drain, refuse},
      {"USE d", forward, hold, use_locally, forward, forward},
      {"SET time_zone = '+02:00'", forward, hold, set_locally, forward, forward},
      {"SET @a = 1", forward, hold, set_locally, forward, forward},
      {"SET @a = f(1)", forward, hold, refuse, wait_for_drain, refuse},
      {"SET STATEMENT max_statement_time = 1 FOR DELETE FROM t", forward, hold, refuse, wait_for_drain,
       refuse},
      {"SHOW TABLES WHERE f(1)", forward, hold, refuse, wait_for_drain, refuse},
      {"UNLOCK TABLES", forward, hold, refuse, forward, forward},
      {"SET @a = @b", forward, hold, refuse, forward, forward},
      {"INSERT INTO t VALUES (1); DELETE FROM t", forward, hold, refuse, wait_for_drain, refuse},
      {"LOCK TABLES t WRITE", forward, hold, refuse, wait_for_drain, refuse},
      {"wibble", forward, hold, refuse, wait_for_drain, refuse},
  };
  check(table, in);
}

TEST_CASE("commands without text have their answers in an outage") {
  const auto down = in(server_state::down);
  CHECK(decide(describe_command(command::ping), down).what == answer_ok);
  CHECK(decide(describe_command(command::init_db), down).what == use_locally);
  CHECK(decide(describe_command(command::reset_connection), down).what == reset_locally);
  CHECK(decide(describe_command(command::stmt_close), down).what == ignore);
  CHECK(decide(describe_command(command::stmt_prepare), down).what == refuse);
  CHECK(decide(describe_command(command::stmt_execute), down).what == refuse);
  CHECK(decide(describe_command(command::quit), down).what == quit);
}

TEST_CASE("a command that has waited as long as it may is treated as in an outage") {
  auto now = in(server_state::suspect);
  now.held_out = true;
  CHECK(decide(statement("INSERT INTO t VALUES (1)"), now).what == spool);
  CHECK(decide(statement("SELECT 1 FROM t"), now).what == refuse);
}

TEST_CASE("a write is refused with the reason for which it cannot be queued") {
  const auto write = statement("INSERT INTO t VALUES (1)");
  auto now = in(server_state::down);
  const auto refused_because = [&](const situation& when) {
    const auto chosen = decide(write, when);
    CHECK(chosen.what == refuse);
    return std::string(chosen.reason);
  };
  now.spool_refusal = "no ledger";
  CHECK(refused_because(now) == "no ledger");
  CHECK(decide(write, now).error == client_error::writes_not_accepted);
  now.spool_error = client_error::spool_full;
  CHECK(decide(write, now).error == client_error::spool_full);
  now = in(server_state::down);
  now.not_spoolable = "RETURNING";
  CHECK(refused_because(now) == "RETURNING");
  now = in(server_state::down);
  now.known_account = false;
  CHECK(refused_because(now).find("password is not configured") != std::string::npos);
  now = in(server_state::down);
  now.has_spool = false;
  CHECK(refused_because(now).find("spool.enabled") != std::string::npos);
}

TEST_CASE("each kind of statement is treated so while a transaction is collected") {
  const std::vector<row> table{
      {"INSERT INTO t VALUES (1)", put_on_server, hold, collect, collect, refuse},
      {"SELECT * FROM t", put_on_server, hold, refuse, wait_for_drain, refuse},
      {"SELECT * FROM t FOR UPDATE", put_on_server, hold, refuse, wait_for_drain, refuse},
      {"CREATE TABLE x (a INT)", put_on_server, hold, refuse, wait_for_drain, refuse},
      {"BEGIN", put_on_server, hold, commit_collected, commit_collected, fail_transaction},
      {"COMMIT", put_on_server, hold, commit_collected, commit_collected, fail_transaction},
      {"ROLLBACK", rollback_collected, hold, rollback_collected, rollback_collected, rollback_collected},
      {"SAVEPOINT s", put_on_server, hold, savepoint_collected, savepoint_collected, savepoint_collected},
      {"ROLLBACK TO s", put_on_server, hold, savepoint_collected, savepoint_collected, savepoint_collected},
      {"RELEASE SAVEPOINT s", put_on_server, hold, savepoint_collected, savepoint_collected,
       savepoint_collected},
      {"USE d", put_on_server, hold, use_locally, use_locally, use_locally},
      {"SET time_zone = '+02:00'", put_on_server, hold, set_locally, set_locally, set_locally},
      {"SET @a = @b", put_on_server, hold, refuse, wait_for_drain, refuse},
      {"SET TRANSACTION READ ONLY", put_on_server, hold, refuse, refuse, refuse},
      {"XA START 'x'", put_on_server, hold, refuse, wait_for_drain, refuse},
      {"LOCK TABLES t WRITE", put_on_server, hold, refuse, wait_for_drain, refuse},
  };
  check(table, [](server_state state) {
    auto now = in(state);
    now.collecting = now.collected_any = true;
    return now;
  });
}

TEST_CASE("an empty transaction needs nobody for its end") {
  for (const auto state :
       {server_state::up, server_state::down, server_state::draining, server_state::halted}) {
    auto now = in(state);
    now.collecting = true;
    now.spool_refusal = "full";
    CHECK(decide(statement("COMMIT"), now).what == commit_collected);
    CHECK(decide(statement("ROLLBACK"), now).what == rollback_collected);
  }
}

TEST_CASE(
    "COMMIT of a transaction that is open at the server waits for no queued write and is never refused") {
  for (const auto state : {server_state::draining, server_state::halted}) {
    auto now = in(state);
    now.in_transaction = true;
    for (const bool held_out : {false, true}) {
      now.held_out = held_out;
      CHECK(decide(statement("COMMIT"), now).what == forward);
      CHECK(decide(statement("ROLLBACK"), now).what == forward);
    }
    CHECK(decide(statement("INSERT INTO t VALUES (1)"), now).what == refuse);
  }
}

TEST_CASE("without autocommit a write is collected") {
  const auto write = statement("INSERT INTO t VALUES (1)");
  for (const auto state : {server_state::down, server_state::draining}) {
    auto now = in(state);
    now.autocommit = false;
    CHECK(decide(write, now).what == collect);
  }
  auto now = in(server_state::draining);
  now.autocommit = false;
  now.in_transaction = true; // by a read that was forwarded
  CHECK(decide(write, now).what == wait_for_drain);
  CHECK(decide(statement("BEGIN"), now).what == wait_for_drain);
  now.in_transaction = false;
  now.can_collect = false; // temporary tables on the connection
  CHECK(decide(write, now).what == wait_for_drain);
}

TEST_CASE("a transaction that cannot be queued is not begun, and its COMMIT ends it") {
  auto now = in(server_state::down);
  now.spool_refusal = "full";
  CHECK(decide(statement("BEGIN"), now).what == refuse);
  now.collecting = now.collected_any = true;
  const auto chosen = decide(statement("COMMIT"), now);
  CHECK(chosen.what == fail_transaction);
  CHECK(chosen.reason == "full");
}

TEST_CASE("a write in a READ ONLY transaction gets the server's error") {
  auto now = in(server_state::down);
  now.read_only = true;
  CHECK(decide(statement("DELETE FROM t"), now).error == client_error::read_only_transaction);
  now.server = server_state::draining;
  CHECK(decide(statement("DELETE FROM t"), now).error == client_error::read_only_transaction);
  now.collecting = true;
  CHECK(decide(statement("DELETE FROM t"), now).error == client_error::read_only_transaction);
}

TEST_CASE("what has no answer, and what forgets the transaction anyway, does not put it on the server") {
  auto now = in(server_state::up);
  now.collecting = now.collected_any = true;
  for (const auto code :
       {command::stmt_close, command::stmt_send_long_data, command::reset_connection, command::change_user})
    CHECK(decide(describe_command(code), now).what == forward);
  CHECK(decide(describe_command(command::stmt_execute), now).what == put_on_server);
  CHECK(decide(describe_command(command::quit), now).what == quit);
}

TEST_CASE("COM_CHANGE_USER is a login, in whatever state the server is") {
  for (const auto state :
       {server_state::up, server_state::down, server_state::draining, server_state::halted})
    CHECK(decide(describe_command(command::change_user), in(state)).what == forward);
}

TEST_CASE("a lost transaction is told once, whatever comes next, except to who gives it up anyway") {
  for (const auto state : {server_state::up, server_state::down, server_state::draining}) {
    auto now = in(state);
    now.transaction_lost = true;
    CHECK(decide(statement("INSERT INTO t VALUES (1)"), now).what == lose_transaction);
    CHECK(decide(statement("COMMIT"), now).what == lose_transaction);
    CHECK(decide(statement("SELECT 1 FROM t"), now).what == lose_transaction);
    CHECK(decide(describe_command(command::stmt_execute), now).what == lose_transaction);
    CHECK(decide(statement("ROLLBACK"), now).what != lose_transaction);
  }
}

TEST_CASE("while draining, a read of a table with pending units waits, and then passes") {
  auto now = in(server_state::draining);
  now.depends_on_pending = true;
  CHECK(decide(statement("SELECT * FROM t"), now).what == wait_for_drain);
  now.held_out = true;
  CHECK(decide(statement("SELECT * FROM t"), now).what == forward);
  CHECK(decide(statement("ALTER TABLE t ADD b INT"), now).what == refuse);
}

TEST_CASE("SHOW WARNINGS after a spooled OK is answered from it, in an outage and while draining") {
  auto now = in(server_state::down);
  CHECK(decide(statement("SHOW WARNINGS"), now).what == refuse);
  now.answerable = true;
  CHECK(decide(statement("show  warnings"), now).what == answer_read);
  now.server = server_state::draining;
  CHECK(decide(statement("SHOW WARNINGS"), now).what == forward);
  now.noted_last = true;
  CHECK(decide(statement("SHOW WARNINGS LIMIT 5"), now).what == answer_read);
  now.answerable = false; // one that is not understood: the server knows nothing of it
  CHECK(decide(statement("SHOW WARNINGS LIMIT 0, 5"), now).what == refuse);
}

TEST_CASE("what is asked about a statement that the connection has not seen is not the server's to answer") {
  for (const auto state : {server_state::up, server_state::draining, server_state::halted}) {
    auto now = in(state);
    CHECK(decide(statement("SHOW ERRORS"), now).what == forward);
    CHECK(decide(statement("SELECT ROW_COUNT()"), now).what == forward);
    now.noted_last = true; // an answer of the server's with a note of ours
    CHECK(decide(statement("SELECT ROW_COUNT()"), now).what == forward);
    CHECK(decide(statement("SHOW COUNT(*) WARNINGS"), now).what == refuse);
    now.answered_apart = true;
    CHECK(decide(statement("SELECT ROW_COUNT()"), now).what == refuse);
    CHECK(decide(statement("SELECT 1"), now).what == forward);
    now.not_spoolable = "it reads ROW_COUNT()";
    CHECK(decide(statement("INSERT INTO t VALUES (ROW_COUNT())"), now).what == refuse);
    now.answerable = true;
    for (const auto* text : {"SHOW ERRORS", "SHOW COUNT(*) WARNINGS", "SELECT ROW_COUNT()"})
      CHECK(decide(statement(text), now).what == answer_read);
  }
}

TEST_CASE("a read goes to a replica before the cache, and to neither while the server is there") {
  auto now = in(server_state::down);
  now.replica = now.cached = true;
  command_facts prepares{.code = command::stmt_prepare}, executes{.code = command::stmt_execute};
  prepares.lasting = executes.lasting = true;
  prepares.single = executes.single = true;
  now.cached = false;
  for (const auto& facts : {statement("SELECT * FROM t"), statement("SHOW TABLES"), executes, prepares})
    CHECK(decide(facts, now).what == action::ask_replica);
  now.cached = true;
  CHECK(decide(statement("SELECT * FROM t"), now).what == action::ask_replica);
  CHECK(decide(statement("UPDATE t SET a = 1"), now).what != action::ask_replica);
  now.answerable = true;
  CHECK(decide(statement("SELECT 1"), now).what == action::answer_read);
  now.answerable = now.replica = false;
  CHECK(decide(statement("SELECT * FROM t"), now).what == action::answer_cached);
  now.replica = true;
  for (const auto state : {server_state::up, server_state::draining, server_state::halted}) {
    now.server = state;
    CHECK(decide(statement("SELECT * FROM t"), now).what == action::forward);
  }
  now.server = server_state::suspect;
  CHECK(decide(statement("SELECT * FROM t"), now).what == action::hold);
  now.held_out = true;
  CHECK(decide(statement("SELECT * FROM t"), now).what == action::ask_replica);
}

TEST_CASE("a read that needs no server is answered in an outage, and forwarded when the server is there") {
  auto now = in(server_state::down);
  now.answerable = true;
  CHECK(decide(statement("SELECT 1"), now).what == answer_read);
  now.server = server_state::suspect;
  CHECK(decide(statement("SELECT 1"), now).what == hold);
  now.server = server_state::draining;
  CHECK(decide(statement("SELECT 1"), now).what == forward);
}

TEST_CASE("preparing a statement waits for no pending write, several writes in one text are one decision") {
  auto now = in(server_state::draining);
  now.depends_on_pending = true;
  CHECK(decide(describe_command(command::stmt_prepare), now).what == forward);
  const auto several = statement("INSERT INTO t VALUES (1); DELETE FROM t", false);
  CHECK(several.several_writes);
  CHECK(decide(several, now).what == spool_several);
  now.server = server_state::down;
  CHECK(decide(several, now).what == spool_several);
  now.spool_refusal = "full";
  CHECK(decide(several, now).what == refuse);
  now.server = server_state::up;
  CHECK(decide(several, now).what == forward);
  CHECK_FALSE(statement("INSERT INTO t VALUES (1); SELECT 1", false).several_writes);
  CHECK_FALSE(statement("INSERT INTO t VALUES (1); DELETE FROM t").several_writes);
}

TEST_CASE("a read that needs no server is prepared and executed in an outage, too") {
  auto now = in(server_state::down);
  const auto prepare = describe_command(command::stmt_prepare);
  auto execute = describe_command(command::stmt_execute);
  execute.pure_read = true;
  CHECK(decide(prepare, now).what == refuse);
  CHECK(decide(execute, now).what == refuse);
  now.answerable = true;
  CHECK(decide(prepare, now).what == prepare_locally);
  CHECK(decide(execute, now).what == answer_read);
  now.server = server_state::up;
  CHECK(decide(prepare, now).what == forward);
  CHECK(decide(execute, now).what == forward);
}

TEST_CASE(
    "transaction control and plain settings are prepared in an outage, whether writes are taken or not") {
  auto prepare = describe_command(command::stmt_prepare);
  prepare.prepares_plain = true;
  auto now = in(server_state::down);
  CHECK(decide(prepare, now).what == prepare_locally);
  now.has_spool = false;
  CHECK(decide(prepare, now).what == prepare_locally);
  now.server = server_state::up;
  CHECK(decide(prepare, now).what == forward);
}

TEST_CASE("a write is prepared and executed in an outage as one that comes as text") {
  auto prepare = describe_command(command::stmt_prepare);
  prepare.prepares_write = true;
  auto execute = describe_command(command::stmt_execute);
  execute.write = true;
  auto now = in(server_state::down);
  CHECK(decide(prepare, now).what == prepare_locally);
  CHECK(decide(execute, now).what == spool);
  CHECK(decide(describe_command(command::stmt_send_long_data), now).what == keep_long_data);
  CHECK(decide(describe_command(command::stmt_reset), now).what == reset_statement);
  now.collecting = true;
  CHECK(decide(execute, now).what == collect);
  now.not_spoolable = "no";
  CHECK(decide(prepare, now).what == refuse);
  CHECK(decide(execute, now).what == refuse);
  now = in(server_state::down);
  now.known_account = false;
  CHECK(decide(prepare, now).what == refuse);
  now = in(server_state::draining);
  CHECK(decide(prepare, now).what == forward);
  CHECK(decide(execute, now).what == spool);
  now.not_spoolable = "no";
  CHECK(decide(execute, now).what == wait_for_drain);
  auto read = describe_command(command::stmt_execute);
  CHECK(decide(read, now).what == wait_for_drain);
  read.only_reads = read.pure_read = true;
  CHECK(decide(read, now).what == forward);
  now = in(server_state::halted);
  CHECK(decide(execute, now).what == refuse);
}

TEST_CASE("a read is answered from the cache when the server is down, and never while it is there") {
  for (const char* text : {"SELECT * FROM t", "SHOW TABLES"}) {
    const auto facts = statement(text);
    const auto with = [](server_state state, bool reads = false) {
      auto now = in(state);
      now.cached = true; // were it looked for
      now.reads = reads;
      return now;
    };
    CHECK(decide(facts, with(server_state::up)).what == forward);
    CHECK(decide(facts, with(server_state::draining)).what == forward);
    CHECK(decide(facts, with(server_state::halted)).what == forward);
    CHECK(decide(facts, with(server_state::suspect)).what == hold);
    CHECK(decide(facts, with(server_state::down, true)).what == forward);
    CHECK(decide(facts, with(server_state::down)).what == answer_cached);
    auto held_out = with(server_state::suspect);
    held_out.held_out = true;
    CHECK(decide(facts, held_out).what == answer_cached);
    auto none = in(server_state::down);
    none.not_cached = "why not";
    CHECK(decide(facts, none).what == refuse);
    CHECK(decide(facts, none).reason == "why not");
  }
}

TEST_CASE(
    "a transaction that has read from the cache writes unless its isolation binds its writes to its reads") {
  auto now = in(server_state::down);
  now.collecting = now.has_read = true;
  const auto write = statement("UPDATE t SET a = 1");
  CHECK(decide(write, now).what == collect);
  now.bound_by_reads = true;
  CHECK(decide(write, now).what == refuse);
  CHECK(decide(statement("COMMIT"), now).what == commit_collected);
}
