// The server tells of the session what the client has not asked for: it is followed, and the client's bytes
// are those of a connection without it. A server that is lost in the middle of such an OK has not answered.
#include "tests/scripted/stage.hpp"

#include <doctest/doctest.h>

using namespace holdwater;
using namespace holdwater::proxy;
using namespace holdwater::proxy::test;
using protocol::byte_buffer;
using protocol::server_status::autocommit;
using protocol::server_status::in_trans;
namespace cap = protocol::cap;

namespace {

const std::string block = told_variable("time_zone", "+05:00") + told_database("other");

byte_buffer framed(std::uint8_t sequence, const byte_buffer& payload) {
  byte_buffer out;
  protocol::append_message(out, sequence, payload);
  return out;
}

// The client's statement reaches the server, which answers with these bytes and, when they end early, hangs
// up.
void begin_answer(stage::pair& ends, std::string_view statement, protocol::byte_span answer) {
  ends.client.send_packet(0, query(statement));
  ends.server.expect(0, query(statement));
  ends.server.send(answer);
}

// The session lives, and what the new connection is asked is the next statement and not the last one.
void goes_on(stage& here, stage::pair& ends) {
  here.wait_for(server_state::suspect);
  here.publish(server_state::up);
  ends.client.send_packet(0, query("SELECT a FROM t"));
  ends.server = here.accept();
  here.serve_login(ends.server);
  ends.server.expect(0, query("SELECT a FROM t"));
  ends.server.send(result_set({"1"}));
  ends.client.expect_bytes(result_set({"1"}));
  CHECK_FALSE(here.anyone_waits());
}

} // namespace

TEST_CASE("a known account's server connection asks to be told, whatever its client did") {
  stage here;
  auto client = here.connect();
  here.greet(client, std::string(known_user), std::string(password));
  auto server = here.accept();
  const auto login = here.serve_login(server);
  CHECK((login.client_capabilities & cap::session_track) != 0);
  CHECK((client_capabilities() & cap::session_track) == 0);
  client.expect(2, ok());
}

TEST_CASE("the login's OK tells the client nothing that it did not ask for") {
  stage here;
  auto client = here.connect();
  here.greet(client, std::string(known_user), std::string(password));
  auto server = here.accept();
  here.accept_login(server);
  server.send_packet(2, telling_ok(block));
  client.expect(2, ok());
}

TEST_CASE("a client that asked gets the server's bytes, over whatever connection") {
  stage here;
  here.tell_clients();
  auto client = here.connect();
  here.greet(client, std::string(known_user), std::string(password));
  auto server = here.accept();
  here.accept_login(server);
  server.send_packet(2, telling_ok(block));
  client.expect(2, telling_ok(block));
  stage::pair ends{std::move(client), std::move(server)};
  stage::exchange(ends, query("USE other"), framed(1, telling_ok(block)));
}

TEST_CASE("what is told is hidden, in whatever pieces it comes") {
  auto telling = unfinished_result_set({"one"});
  const auto end = framed(4, telling_ok(block, autocommit, 0xfe));
  telling.insert(telling.end(), end.begin(), end.end());
  stage here;
  auto ends = here.log_in();
  for (const bool in_pieces : {false, true}) {
    begin_answer(ends, "USE other", {});
    in_pieces ? ends.server.send_in_pieces(framed(1, telling_ok(block)))
              : ends.server.send_packet(1, telling_ok(block));
    ends.client.expect(1, ok());
    begin_answer(ends, "SELECT f()", {});
    in_pieces ? ends.server.send_in_pieces(telling) : ends.server.send(telling);
    ends.client.expect_bytes(result_set({"one"}));
  }
}

TEST_CASE("what is told comes back with a new connection") {
  stage here;
  auto ends = here.log_in("shop");
  begin_answer(ends, "INSERT INTO has_a_trigger VALUES (1)", framed(1, telling_ok(block)));
  ends.client.expect(1, ok());
  ends.server.hang_up();
  const auto next = query("UPDATE t SET a = 1");
  ends.client.send_packet(0, next);
  ends.server = here.accept();
  CHECK(here.serve_login(ends.server).database == "other");
  ends.server.expect(0, query("SET SESSION time_zone = _utf8mb4 0x2b30353a3030"));
  ends.server.send_packet(1, ok());
  ends.server.expect(0, next);
}

TEST_CASE("a dropped default database is not asked for again") {
  stage here;
  auto ends = here.log_in("shop");
  stage::exchange_ok(ends, "DROP DATABASE shop", autocommit | protocol::server_status::db_dropped);
  ends.server.hang_up();
  ends.client.send_packet(0, query("UPDATE t SET a = 1"));
  ends.server = here.accept();
  CHECK(here.serve_login(ends.server).database.empty());
}

TEST_CASE("a write whose telling OK was cut anywhere is in doubt, and is never sent again") {
  const auto answer = framed(1, telling_ok(block));
  for (std::size_t cut = 1; cut < answer.size(); ++cut) {
    CAPTURE(cut);
    stage here;
    auto ends = here.log_in();
    begin_answer(ends, "UPDATE t SET a = a + 1", protocol::byte_span(answer).first(cut));
    ends.server.hang_up();
    const auto got = ends.client.read_packet();
    CHECK(got.sequence == 1);
    expect_err(got, 2013, "08007");
    CHECK(here.counters().writes_in_doubt == 1);
    goes_on(here, ends);
  }
}

TEST_CASE("a COMMIT whose telling OK was cut anywhere is in doubt, and the connection ends") {
  const auto answer = framed(1, telling_ok(block));
  for (std::size_t cut = 1; cut < answer.size(); ++cut) {
    CAPTURE(cut);
    stage here;
    auto ends = here.log_in();
    stage::exchange_ok(ends, "BEGIN", autocommit | in_trans);
    begin_answer(ends, "COMMIT", protocol::byte_span(answer).first(cut));
    ends.server.hang_up();
    expect_err(ends.client.read_packet(), 2013, "08007");
    ends.client.expect_closed();
  }
}

TEST_CASE("a second result's telling OK that was cut leaves the client with the first result and an end") {
  auto first = framed(1, ok(autocommit | protocol::server_status::more_results_exists));
  const auto second = framed(2, telling_ok(block));
  for (std::size_t cut = 1; cut < second.size(); ++cut) {
    CAPTURE(cut);
    stage here;
    auto ends = here.log_in();
    begin_answer(ends, "CALL p()", first);
    ends.client.expect_bytes(first);
    ends.server.send(protocol::byte_span(second).first(cut));
    ends.server.hang_up();
    ends.client.expect_closed();
  }
}

TEST_CASE("of rows whose telling OK was cut the client sees the rows and no byte of the OK") {
  const auto rows = unfinished_result_set({"one"});
  const auto end = framed(4, telling_ok(block, autocommit, 0xfe));
  for (std::size_t cut = 1; cut < end.size(); ++cut) {
    CAPTURE(cut);
    stage here;
    auto ends = here.log_in();
    begin_answer(ends, "SELECT f()", rows);
    ends.client.expect_bytes(rows);
    ends.server.send(protocol::byte_span(end).first(cut));
    ends.server.hang_up();
    if (cut <= protocol::packet_header_size) { // what it is has not been seen: an error may stand there
      const auto got = ends.client.read_packet();
      CHECK(got.sequence == 4);
      expect_err(got, 2013, "HY000");
    } else {
      ends.client.expect_closed();
    }
  }
}
