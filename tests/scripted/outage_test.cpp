// What a session answers while the server's state is not `up`, without a spool.
#include "tests/scripted/stage.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace holdwater;
using namespace holdwater::proxy;
using namespace holdwater::proxy::test;

namespace {

packet ask(peer& client, const protocol::byte_buffer& what) {
  client.send_packet(0, what);
  auto got = client.read_packet();
  CHECK(got.sequence == 1);
  return got;
}

} // namespace

TEST_CASE("a session lives through an outage and answers what it truthfully can") {
  stage here;
  auto ends = here.log_in();
  here.publish(server_state::down);
  expect_err(ask(ends.client, query("SELECT a FROM t")), 3032, "HY000");
  expect_ok(ask(ends.client, command(protocol::command::ping)));
  expect_ok(ask(ends.client, query("USE other")));
  expect_ok(ask(ends.client, query("SET NAMES utf8mb4")));
  expect_err(ask(ends.client, query("UPDATE t SET a = 1")), 3032, "HY000");
  expect_err(ask(ends.client, query("CREATE TABLE t (a INT)")), 3032, "HY000");
  CHECK(here.counters().commands_refused == 3);
  CHECK_FALSE(here.anyone_waits());

  here.publish(server_state::up); // what was answered locally holds on the server
  ends.client.send_packet(0, query("SELECT a FROM t"));
  ends.server = here.accept();
  CHECK(here.serve_login(ends.server).database == "other");
  ends.server.expect(0, query("SET NAMES utf8mb4"));
  ends.server.send_packet(1, ok());
  ends.server.expect(0, query("SELECT a FROM t"));
  ends.server.send(result_set({"one"}));
  ends.client.expect_bytes(result_set({"one"}));
}

TEST_CASE("a known account logs in while the server is down") {
  stage here;
  here.publish(server_state::down);
  auto client = here.connect();
  here.greet(client, std::string(known_user), std::string(password), "shop");
  CHECK(expect_ok(client.read_packet()) == protocol::server_status::autocommit);
  expect_ok(ask(client, command(protocol::command::ping)));
  CHECK_FALSE(here.anyone_waits());
}

TEST_CASE("a relayed account cannot log in while the server is down") {
  stage here;
  here.publish(server_state::down);
  auto client = here.connect();
  here.greet(client, "stranger", "unused");
  expect_err(client.read_packet(), 3032, "HY000");
  client.expect_closed();
}

TEST_CASE("a statement that meets a suspect server is held until it is up") {
  stage here;
  auto ends = here.log_in();
  here.publish(server_state::suspect);
  ends.client.send_packet(0, query("UPDATE t SET a = 1"));
  here.publish(server_state::up);
  ends.server.expect(0, query("UPDATE t SET a = 1"));
  ends.server.send_packet(1, ok());
  ends.client.expect(1, ok());
}

TEST_CASE("a statement that is held when the server is declared down is refused") {
  stage here;
  auto ends = here.log_in();
  here.publish(server_state::suspect);
  ends.client.send_packet(0, query("UPDATE t SET a = 1"));
  here.publish(server_state::down);
  expect_err(ends.client.read_packet(), 3032, "HY000");
}

TEST_CASE("a connection from before an outage is not used after it") {
  stage here;
  auto ends = here.log_in();
  here.publish(server_state::down);
  here.publish(server_state::up);
  ends.client.send_packet(0, query("UPDATE t SET a = 1"));
  auto fresh = here.accept();
  here.serve_login(fresh);
  fresh.expect(0, query("UPDATE t SET a = 1"));
  ends.server.expect_closed();
}

TEST_CASE("while reads go on a session keeps its connection, and opens one") {
  stage here;
  auto ends = here.log_in();
  here.publish(server_state::suspect, true);
  stage::exchange_ok(ends, "USE other");
  ends.client.send_packet(0, query("CREATE TABLE t (a INT)")); // waits for the verdict
  here.publish(server_state::down, true);
  ends.server.expect(0, query("CREATE TABLE t (a INT)"));
  ends.server.send_packet(1, err(1290, "HY000", "running with the --read-only option"));
  ends.client.expect(1, err(1290, "HY000", "running with the --read-only option"));
  auto fresh = here.log_in();
  stage::exchange_ok(fresh, "USE other");
  stage::exchange_ok(ends, "USE another");
  here.publish(server_state::draining);
  here.publish(server_state::up);
  stage::exchange_ok(ends, "UPDATE t SET a = 1");
  CHECK_FALSE(here.anyone_waits());
}

TEST_CASE("a relayed account's read is held no longer than it takes to see that reads go on") {
  stage here;
  auto ends = here.log_in();
  here.publish(server_state::suspect);
  ends.client.send_packet(0, query("SELECT a FROM t"));
  here.publish(server_state::suspect, true);
  ends.server.expect(0, query("SELECT a FROM t"));
  ends.server.send(result_set({"one"}));
  ends.client.expect_bytes(result_set({"one"}));
}

TEST_CASE("when reads go on no more, connections are gone, and transactions with them") {
  stage here;
  auto ends = here.log_in();
  here.publish(server_state::down, true);
  stage::exchange_ok(ends, "BEGIN", protocol::server_status::autocommit | protocol::server_status::in_trans);
  here.publish(server_state::down);
  expect_err(ask(ends.client, query("SELECT a FROM t")), 1213, "40001");
  expect_err(ask(ends.client, query("SELECT a FROM t")), 3032, "HY000");
}

TEST_CASE("a session that needs a new connection waits for a server that has none, or is shutting down") {
  for (const unsigned number : {1040u, 1053u}) {
    CAPTURE(number);
    stage here;
    auto ends = here.log_in();
    ends.server.hang_up();
    ends.client.send_packet(0, query("SELECT a FROM t"));
    ends.server = here.accept_silently();
    ends.server.send_packet(0, err(static_cast<std::uint16_t>(number), "08S01", "not now"));
    if (number == 1053) {
      here.wait_for(server_state::suspect);
      here.publish(server_state::up);
    }
    ends.server = here.accept();
    here.serve_login(ends.server);
    ends.server.expect(0, query("SELECT a FROM t"));
    ends.server.send(result_set({"one"}));
    ends.client.expect_bytes(result_set({"one"}));
  }
}

TEST_CASE("an open transaction is lost with an outage") {
  stage here;
  auto ends = here.log_in();
  stage::exchange_ok(ends, "BEGIN", protocol::server_status::autocommit | protocol::server_status::in_trans);
  here.publish(server_state::down);
  expect_err(ask(ends.client, query("UPDATE t SET a = 1")), 1213, "40001");
  expect_ok(ask(ends.client, query("ROLLBACK")));
}

TEST_CASE("a session that has set more in an outage than is kept ends instead of going on without it") {
  stage here;
  auto ends = here.log_in();
  here.publish(server_state::down);
  expect_ok(ask(ends.client, query("SET NAMES utf8mb4")));
  const std::string much(256 * 1024, 'x');
  for (int i = 0; i < 100; ++i) expect_ok(ask(ends.client, query(fmt::format("SET @v{} = '{}'", i, much))));
  here.publish(server_state::up);
  ends.client.send_packet(0, query("UPDATE t SET a = 1"));
  ends.client.expect_closed();
}
