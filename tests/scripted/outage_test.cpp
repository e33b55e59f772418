// What a session answers while the server's state is not `up`, without a spool.
#include "tests/scripted/stage.hpp"

#include <doctest/doctest.h>

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

TEST_CASE("an open transaction is lost with an outage") {
  stage here;
  auto ends = here.log_in();
  stage::exchange_ok(ends, "BEGIN", protocol::server_status::autocommit | protocol::server_status::in_trans);
  here.publish(server_state::down);
  expect_err(ask(ends.client, query("UPDATE t SET a = 1")), 1213, "40001");
  expect_ok(ask(ends.client, query("ROLLBACK")));
}
