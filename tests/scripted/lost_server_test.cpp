// The server hangs up at every point of a statement's life. What may be repeated is; what may have been
// carried out is never sent again, and its client is told so.
#include "tests/scripted/stage.hpp"

#include <doctest/doctest.h>

using namespace holdwater;
using namespace holdwater::proxy;
using namespace holdwater::proxy::test;
using protocol::server_status::autocommit;
using protocol::server_status::in_trans;

namespace {

constexpr std::uint16_t open_transaction = autocommit | in_trans;

// The server reads the command and hangs up without a word.
void lose_answer(stage::pair& ends, protocol::byte_span command) {
  ends.client.send_packet(0, command);
  ends.server.expect(0, command);
  ends.server.hang_up();
}

// The session has reported what it met; the server is found to be there.
void find_server_again(stage& here) {
  here.wait_for(server_state::suspect);
  here.publish(server_state::up);
}

void serve_again(stage& here, stage::pair& ends) {
  ends.server = here.accept();
  here.serve_login(ends.server);
}

void exchange_err(stage::pair& ends, std::string_view statement, std::uint16_t number) {
  ends.client.send_packet(0, query(statement));
  ends.server.expect(0, query(statement));
  ends.server.send_packet(1, err(number, "HY000", "no"));
  ends.client.expect(1, err(number, "HY000", "no"));
}

} // namespace

TEST_CASE("a read whose answer was lost is repeated on a new connection") {
  stage here;
  auto ends = here.log_in();
  lose_answer(ends, query("SELECT a FROM t"));
  find_server_again(here);
  serve_again(here, ends);
  ends.server.expect(0, query("SELECT a FROM t"));
  ends.server.send(result_set({"one"}));
  ends.client.expect_bytes(result_set({"one"}));
}

TEST_CASE("a write whose answer was lost is in doubt and was sent exactly once") {
  stage here;
  auto ends = here.log_in();
  lose_answer(ends, query("UPDATE t SET a = a + 1"));
  const auto got = ends.client.read_packet();
  CHECK(got.sequence == 1);
  expect_err(got, 2013, "08007");
  CHECK(here.counters().writes_in_doubt == 1);
  find_server_again(here);

  ends.client.send_packet(0, query("SELECT a FROM t"));
  serve_again(here, ends);
  ends.server.expect(0, query("SELECT a FROM t")); // and not the UPDATE
  ends.server.send(result_set({"1"}));
  ends.client.expect_bytes(result_set({"1"}));
  CHECK_FALSE(here.anyone_waits());
}

TEST_CASE("a COMMIT whose answer was lost is in doubt, and the connection ends") {
  stage here;
  auto ends = here.log_in();
  stage::exchange_ok(ends, "BEGIN", open_transaction);
  lose_answer(ends, query("COMMIT"));
  expect_err(ends.client.read_packet(), 2013, "08007");
  ends.client.expect_closed();
}

TEST_CASE("what commits by another name is as much in doubt") {
  for (const auto* text :
       {"BEGIN", "START TRANSACTION", "CREATE TABLE t (a INT)", "LOCK TABLES t WRITE", "CALL p()"}) {
    CAPTURE(text);
    stage here;
    auto ends = here.log_in();
    stage::exchange_ok(ends, "BEGIN", open_transaction);
    lose_answer(ends, query(text));
    expect_err(ends.client.read_packet(), 2013, "08007");
    ends.client.expect_closed();
  }
}

TEST_CASE("a ping whose answer was lost in a transaction tells that this was lost") {
  stage here;
  auto ends = here.log_in();
  stage::exchange_ok(ends, "BEGIN", open_transaction);
  lose_answer(ends, command(protocol::command::ping));
  expect_err(ends.client.read_packet(), 1213, "40001");
}

TEST_CASE(
    "a server that ends what runs since it shuts down is one that was lost, to what can be done again") {
  const auto shutdown = err(1053, "08S01", "Server shutdown in progress");
  stage here;
  auto ends = here.log_in();
  ends.client.send_packet(0, query("SELECT a FROM t"));
  ends.server.expect(0, query("SELECT a FROM t"));
  ends.server.send_packet(1, shutdown);
  find_server_again(here);
  serve_again(here, ends);
  ends.server.expect(0, query("SELECT a FROM t"));
  ends.server.send(result_set({"one"}));
  ends.client.expect_bytes(result_set({"one"}));

  stage::exchange_ok(ends, "BEGIN", open_transaction);
  ends.client.send_packet(0, query("UPDATE t SET a = 1"));
  ends.server.expect(0, query("UPDATE t SET a = 1"));
  ends.server.send_packet(1, shutdown);
  expect_err(ends.client.read_packet(), 1213, "40001");
  find_server_again(here);

  ends.client.send_packet(0, query("UPDATE t SET a = 2")); // of its own: what is said of it is what happened
  serve_again(here, ends);
  ends.server.expect(0, query("UPDATE t SET a = 2"));
  ends.server.send_packet(1, shutdown);
  expect_err(ends.client.read_packet(), 1053, "08S01");
}

TEST_CASE("a statement in an open transaction whose answer was lost was rolled back with it") {
  stage here;
  auto ends = here.log_in();
  stage::exchange_ok(ends, "BEGIN", open_transaction);
  lose_answer(ends, query("UPDATE t SET a = 1"));
  expect_err(ends.client.read_packet(), 1213, "40001");
  find_server_again(here);
  ends.client.send_packet(0, query("BEGIN"));
  serve_again(here, ends);
  ends.server.expect(0, query("BEGIN"));
}

TEST_CASE("a server lost between two rows ends the result with an error, and the session lives") {
  stage here;
  auto ends = here.log_in();
  const auto seen = unfinished_result_set({"one", "two"});
  ends.client.send_packet(0, query("SELECT a FROM t"));
  ends.server.expect(0, query("SELECT a FROM t"));
  ends.server.send(seen);
  ends.client.expect_bytes(seen);
  ends.server.hang_up();
  const auto got = ends.client.read_packet();
  CHECK(got.sequence == 5); // behind the column count, a definition and two rows
  expect_err(got, 2013, "HY000");

  find_server_again(here);
  ends.client.send_packet(0, query("SELECT a FROM t"));
  serve_again(here, ends);
  ends.server.expect(0, query("SELECT a FROM t"));
  ends.server.send(result_set({"one"}));
  ends.client.expect_bytes(result_set({"one"}));
}

TEST_CASE("a server lost inside a packet ends the connection, wherever it was cut") {
  const auto answer = unfinished_result_set({"one", "two"});
  for (std::size_t cut = 1; cut < answer.size(); ++cut) {
    CAPTURE(cut);
    stage here;
    here.tell_clients(); // else a header is kept until it can be told what it is of
    auto ends = here.log_in();
    const auto seen = protocol::byte_span(answer).first(cut);
    ends.client.send_packet(0, query("SELECT a FROM t"));
    ends.server.expect(0, query("SELECT a FROM t"));
    ends.server.send(seen);
    ends.client.expect_bytes(seen);
    ends.server.hang_up();
    std::size_t boundary = 0;
    std::size_t packets = 0;
    while (boundary < cut) {
      boundary += protocol::packet_header_size + protocol::read_packet_header(&answer[boundary]).payload_size;
      ++packets;
    }
    if (boundary == cut && packets >= 2) // rows may come next, and so may an error
      expect_err(ends.client.read_packet(), 2013, "HY000");
    else
      ends.client.expect_closed();
  }
}

TEST_CASE("an idle transaction that the server lost is told to the next statement") {
  stage here;
  auto ends = here.log_in();
  stage::exchange_ok(ends, "BEGIN", open_transaction);
  ends.server.hang_up();
  ends.client.send_packet(0, query("UPDATE t SET a = 1"));
  expect_err(ends.client.read_packet(), 1213, "40001");
  ends.client.send_packet(0, query("ROLLBACK"));
  serve_again(here, ends);
  ends.server.expect(0, query("ROLLBACK"));
  ends.server.send_packet(1, ok());
  ends.client.expect(1, ok());
}

TEST_CASE("a SET autocommit = 1 that commits and whose answer was lost is in doubt") {
  stage here;
  auto ends = here.log_in();
  stage::exchange_ok(ends, "SET autocommit = 0", 0);
  stage::exchange_ok(ends, "INSERT INTO t VALUES (1)", in_trans);
  lose_answer(ends, query("SET autocommit = 1"));
  expect_err(ends.client.read_packet(), 2013, "08007");
  ends.client.expect_closed();
}

TEST_CASE("a transaction that a failed definition has perhaps committed is not said to be rolled back") {
  for (const bool idle : {true, false}) {
    CAPTURE(idle);
    stage here;
    auto ends = here.log_in();
    stage::exchange_ok(ends, "BEGIN", open_transaction);
    exchange_err(ends, "CREATE TABLE t (a INT)", 1050);
    if (idle) {
      ends.server.hang_up();
      ends.client.send_packet(0, query("INSERT INTO t VALUES (1)"));
    } else {
      lose_answer(ends, query("INSERT INTO t VALUES (1)"));
    }
    expect_err(ends.client.read_packet(), 2013, "08007");
    ends.client.expect_closed();
  }
}

TEST_CASE("behind a deadlock, a write whose answer was lost is in doubt, and a read is not") {
  for (const bool write : {true, false}) {
    CAPTURE(write);
    stage here;
    auto ends = here.log_in();
    stage::exchange_ok(ends, "BEGIN", open_transaction);
    exchange_err(ends, "INSERT INTO t VALUES (1)", 1213);
    lose_answer(ends, query(write ? "INSERT INTO t VALUES (2)" : "SELECT a FROM t"));
    if (write)
      expect_err(ends.client.read_packet(), 2013, "08007");
    else
      expect_err(ends.client.read_packet(), 1213, "40001");
  }
}

TEST_CASE("a refused COMMIT leaves no transaction") {
  stage here;
  auto ends = here.log_in();
  stage::exchange_ok(ends, "BEGIN", open_transaction);
  exchange_err(ends, "COMMIT", 1290);
  lose_answer(ends, query("INSERT INTO t VALUES (2)"));
  expect_err(ends.client.read_packet(), 2013, "08007");
}

TEST_CASE("ROLLBACK is what a lost transaction may be ended with") {
  stage here;
  auto ends = here.log_in();
  stage::exchange_ok(ends, "BEGIN", open_transaction);
  ends.server.hang_up();
  ends.client.send_packet(0, query("ROLLBACK"));
  serve_again(here, ends);
  ends.server.expect(0, query("ROLLBACK"));
  ends.server.send_packet(1, ok());
  CHECK(expect_ok(ends.client.read_packet()) == autocommit);
}

TEST_CASE("a statement behind the ROLLBACK of a lost transaction is forwarded") {
  stage here;
  auto ends = here.log_in();
  stage::exchange_ok(ends, "BEGIN", open_transaction);
  ends.server.hang_up();
  ends.client.send_packet(0, query("ROLLBACK"));
  serve_again(here, ends);
  ends.server.expect(0, query("ROLLBACK"));
  ends.server.send_packet(1, ok());
  ends.client.expect(1, ok());
  ends.client.send_packet(0, query("UPDATE t SET a = 1"));
  ends.server.expect(0, query("UPDATE t SET a = 1"));
}
