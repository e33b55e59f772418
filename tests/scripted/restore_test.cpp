// A session's state comes back on its new server connection, or the session ends as a direct client's would.
#include "tests/scripted/stage.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace holdwater;
using namespace holdwater::proxy;
using namespace holdwater::proxy::test;
using protocol::byte_buffer;

namespace {

// The statements that the proxy sends of its own, each answered with OK, until the client's one comes.
std::vector<std::string> restored_before(peer& server, const byte_buffer& wanted) {
  std::vector<std::string> seen;
  for (;;) {
    const auto got = server.read_packet();
    REQUIRE(got.sequence == 0);
    if (got.payload == wanted) return seen;
    const auto text = protocol::as_text(got.payload);
    REQUIRE(text.substr(0, 1) == "\x03");
    seen.emplace_back(text.substr(1));
    server.send_packet(1, ok());
  }
}

byte_buffer execute(std::uint32_t id) {
  byte_buffer payload;
  protocol::payload_writer write(payload);
  write.integer(static_cast<std::uint8_t>(protocol::command::stmt_execute), 1);
  write.integer(id, 4);
  write.integer(0, 1); // no cursor
  write.integer(1, 4); // once
  return payload;
}

byte_buffer prepared_ok(std::uint32_t id) {
  byte_buffer payload;
  protocol::payload_writer write(payload);
  write.integer(0, 1);
  write.integer(id, 4);
  write.zeros(2 + 2 + 1 + 2);
  byte_buffer out;
  protocol::append_message(out, 1, payload);
  return out;
}

} // namespace

TEST_CASE("a statement after an idle loss is served on a new connection") {
  stage here;
  auto ends = here.log_in("shop");
  ends.server.hang_up();
  CHECK(here.state() == server_state::up);
  ends.client.send_packet(0, query("UPDATE t SET a = 1"));
  ends.server = here.accept();
  CHECK(here.serve_login(ends.server).database == "shop");
  ends.server.expect(0, query("UPDATE t SET a = 1")); // nothing was to be restored
  ends.server.send_packet(1, ok());
  ends.client.expect(1, ok());
}

TEST_CASE("a server that says farewell while idle is lost all the same") {
  stage here;
  auto ends = here.log_in();
  ends.server.send_packet(0, err(4031, "HY000", "The client was disconnected by the server"));
  ends.server.hang_up();
  ends.client.send_packet(0, query("UPDATE t SET a = 1"));
  ends.server = here.accept();
  here.serve_login(ends.server);
  ends.server.expect(0, query("UPDATE t SET a = 1"));
  ends.server.send_packet(1, ok());
  ends.client.expect(1, ok());
}

TEST_CASE("database, character set, variables and autocommit come back with a new connection") {
  stage here;
  auto ends = here.log_in("shop");
  stage::exchange_ok(ends, "SET NAMES utf8mb4 COLLATE utf8mb4_bin");
  stage::exchange_ok(ends, "SET SESSION sort_buffer_size = 65536");
  stage::exchange_ok(ends, "SET @colour = 'blue'");
  stage::exchange_ok(ends, "USE `other`");
  stage::exchange_ok(ends, "SET autocommit = 0", 0);
  ends.server.hang_up();

  const auto next = query("UPDATE t SET a = 1");
  ends.client.send_packet(0, next);
  ends.server = here.accept();
  CHECK(here.serve_login(ends.server).database == "other");
  const auto restored = restored_before(ends.server, next);
  CHECK(fmt::format("{}", fmt::join(restored, "; ")) ==
        "SET NAMES utf8mb4 COLLATE utf8mb4_bin; SET SESSION sort_buffer_size = 65536; "
        "SET @`colour` = _utf8mb4 0x626c7565 COLLATE utf8mb4_bin; SET autocommit = 0");
  ends.server.send_packet(1, ok(0));
  ends.client.expect(1, ok(0));
}

TEST_CASE("what holds for the next transaction outlives what opens none, and a lost connection") {
  stage here;
  auto ends = here.log_in();
  byte_buffer done;
  protocol::append_message(done, 1, ok());
  const auto restored = [&] {
    ends.server.hang_up();
    const auto next = query("BEGIN");
    ends.client.send_packet(0, next);
    ends.server = here.accept();
    here.serve_login(ends.server);
    auto seen = restored_before(ends.server, next);
    ends.server.send_packet(1, ok());
    ends.client.expect(1, ok());
    return fmt::format("{}", fmt::join(seen, "; "));
  };
  for (const auto* set :
       {"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SET @@tx_isolation = 'SERIALIZABLE'"}) {
    CAPTURE(set);
    stage::exchange_ok(ends, set);
    stage::exchange(ends, command(protocol::command::ping), done);
    stage::exchange(ends, query("SELECT 1"), result_set({"one"}));
    CHECK(restored() == "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE");
    stage::exchange_ok(ends, set);
    stage::exchange(ends, query("SELECT a FROM t"), result_set({"one"})); // it was this transaction's
    CHECK(restored().empty());
  }
}

TEST_CASE("a database chosen by COM_INIT_DB comes back with a new connection") {
  stage here;
  auto ends = here.log_in();
  byte_buffer done;
  protocol::append_message(done, 1, ok());
  stage::exchange(ends, command(protocol::command::init_db, "other"), done);
  ends.server.hang_up();
  ends.client.send_packet(0, command(protocol::command::ping));
  ends.server = here.accept();
  CHECK(here.serve_login(ends.server).database == "other");
}

TEST_CASE("COM_RESET_CONNECTION leaves nothing but the database to restore") {
  stage here;
  auto ends = here.log_in("shop");
  stage::exchange_ok(ends, "SET SESSION sort_buffer_size = 65536");
  stage::exchange_ok(ends, "SET @colour = 'blue'");
  ends.server.hang_up();
  const auto reset = command(protocol::command::reset_connection);
  ends.client.send_packet(0, reset);
  ends.server = here.accept();
  here.serve_login(ends.server);
  restored_before(ends.server, reset);
}

TEST_CASE("an open prepared statement is prepared again, and its id translated both ways") {
  stage here;
  auto ends = here.log_in();
  stage::exchange(ends, command(protocol::command::stmt_prepare, "SELECT 1"), prepared_ok(7));
  ends.server.hang_up();
  ends.client.send_packet(0, execute(7));
  ends.server = here.accept();
  here.serve_login(ends.server);
  ends.server.expect(0, command(protocol::command::stmt_prepare, "SELECT 1"));
  ends.server.send(prepared_ok(1));
  ends.server.expect(0, execute(1));
  ends.server.send_packet(1, ok());
  ends.client.expect(1, ok());

  ends.client.send_packet(0, command(protocol::command::stmt_prepare, "SELECT 2"));
  ends.server.expect(0, command(protocol::command::stmt_prepare, "SELECT 2"));
  ends.server.send(prepared_ok(2));
  ends.client.expect_bytes(prepared_ok(8));
  ends.client.send_packet(0, execute(8));
  ends.server.expect(0, execute(2));
  ends.server.send_packet(1, ok());
  ends.client.expect(1, ok());
}

TEST_CASE("an answer with a statement's id is translated wherever it is cut") {
  stage here;
  auto ends = here.log_in();
  stage::exchange(ends, command(protocol::command::stmt_prepare, "SELECT 1"), prepared_ok(7));
  ends.server.hang_up();
  const auto second = command(protocol::command::stmt_prepare, "SELECT 2");
  ends.client.send_packet(0, second);
  ends.server = here.accept();
  here.serve_login(ends.server);
  ends.server.expect(0, second);
  ends.server.send_in_pieces(prepared_ok(7));
  ends.client.expect_bytes(prepared_ok(8));
}

TEST_CASE("a statement that cannot be prepared again gives the server's error, and may come back") {
  stage here;
  auto ends = here.log_in();
  stage::exchange(ends, command(protocol::command::stmt_prepare, "SELECT a FROM t"), prepared_ok(7));
  ends.server.hang_up();
  ends.client.send_packet(0, execute(7));
  ends.server = here.accept();
  here.serve_login(ends.server);
  const auto again = command(protocol::command::stmt_prepare, "SELECT a FROM t");
  ends.server.expect(0, again);
  ends.server.send_packet(1, err(1146, "42S02", "Table 'd.t' doesn't exist"));
  CHECK(expect_err(ends.client.read_packet(), 1146, "42S02") == "Table 'd.t' doesn't exist");
  ends.client.send_packet(0, execute(7));
  ends.server.expect(0, again);
  ends.server.send(prepared_ok(3));
  ends.server.expect(0, execute(3));
}

TEST_CASE("closing a statement that was not prepared again says nothing to the server") {
  stage here;
  auto ends = here.log_in();
  stage::exchange(ends, command(protocol::command::stmt_prepare, "SELECT 1"), prepared_ok(7));
  ends.server.hang_up();
  ends.client.send_packet(0, command(protocol::command::stmt_close, std::string_view("\7\0\0\0", 4)));
  ends.client.send_packet(0, query("UPDATE t SET a = 1"));
  ends.server = here.accept();
  here.serve_login(ends.server);
  ends.server.expect(0, query("UPDATE t SET a = 1"));
}

TEST_CASE("an id that is not open is not taken for another statement's") {
  stage here;
  auto ends = here.log_in();
  stage::exchange(ends, command(protocol::command::stmt_prepare, "SELECT 1"), prepared_ok(7));
  ends.server.hang_up();
  ends.client.send_packet(0, execute(7));
  ends.server = here.accept();
  here.serve_login(ends.server);
  ends.server.read_packet();
  ends.server.send(prepared_ok(1));
  ends.server.expect(0, execute(1));
  ends.server.send_packet(1, ok());
  ends.client.expect(1, ok());
  ends.client.send_packet(0, execute(1)); // no statement of the client's
  ends.server.expect(0, execute(0xfffffffe));
}

TEST_CASE("a server connection that is lost while a statement is prepared again is replaced once more") {
  stage here;
  auto ends = here.log_in();
  stage::exchange(ends, command(protocol::command::stmt_prepare, "SELECT 1"), prepared_ok(7));
  ends.server.hang_up();
  ends.client.send_packet(0, execute(7));
  for (int time = 0; time < 2; ++time) {
    ends.server = here.accept();
    here.serve_login(ends.server);
    ends.server.expect(0, command(protocol::command::stmt_prepare, "SELECT 1"));
    if (time > 0) continue;
    ends.server.hang_up();
    here.wait_for(server_state::suspect);
    here.publish(server_state::up);
  }
  ends.server.send(prepared_ok(1));
  ends.server.expect(0, execute(1));
}

TEST_CASE("an execute is repeated when its text is a read, and in doubt when it is a write") {
  for (const bool read : {true, false}) {
    CAPTURE(read);
    stage here;
    auto ends = here.log_in();
    const auto text = read ? "SELECT 1" : "UPDATE t SET a = 1";
    stage::exchange(ends, command(protocol::command::stmt_prepare, text), prepared_ok(7));
    ends.client.send_packet(0, execute(7));
    ends.server.expect(0, execute(7));
    ends.server.hang_up();
    if (!read) {
      expect_err(ends.client.read_packet(), 2013, "08007");
      continue;
    }
    here.wait_for(server_state::suspect);
    here.publish(server_state::up);
    ends.server = here.accept();
    here.serve_login(ends.server);
    ends.server.expect(0, command(protocol::command::stmt_prepare, text));
    ends.server.send(prepared_ok(1));
    ends.server.expect(0, execute(1));
  }
}

TEST_CASE("an execute in a transaction that was lost says so") {
  stage here;
  auto ends = here.log_in();
  stage::exchange(ends, command(protocol::command::stmt_prepare, "UPDATE t SET a = 1"), prepared_ok(7));
  stage::exchange_ok(ends, "BEGIN", protocol::server_status::autocommit | protocol::server_status::in_trans);
  ends.client.send_packet(0, execute(7));
  ends.server.expect(0, execute(7));
  ends.server.hang_up();
  expect_err(ends.client.read_packet(), 1213, "40001");
}

TEST_CASE("COM_SET_OPTION holds on a new connection") {
  stage here;
  auto ends = here.log_in();
  byte_buffer done;
  protocol::append_message(done, 1, ok());
  stage::exchange(ends, command(protocol::command::set_option, std::string_view("\0\0", 2)), done);
  ends.server.hang_up();
  ends.client.send_packet(0, command(protocol::command::ping));
  ends.server = here.accept();
  const auto login = here.serve_login(ends.server);
  CHECK((login.client_capabilities & protocol::cap::multi_statements) != 0);
  ends.server.expect(0, command(protocol::command::ping));
}

TEST_CASE("a client whose prepared statement was closed again is not") {
  stage here;
  auto ends = here.log_in();
  stage::exchange(ends, command(protocol::command::stmt_prepare, "SELECT 1"), prepared_ok(7));
  const auto closing = command(protocol::command::stmt_close, std::string_view("\7\0\0\0", 4));
  ends.client.send_packet(0, closing);
  ends.server.expect(0, closing);
  ends.server.hang_up();
  ends.client.send_packet(0, query("UPDATE t SET a = 1"));
  ends.server = here.accept();
  here.serve_login(ends.server);
  ends.server.expect(0, query("UPDATE t SET a = 1"));
}

TEST_CASE("a client with a temporary table is hung up on when the server is lost") {
  stage here;
  auto ends = here.log_in();
  stage::exchange_ok(ends, "CREATE TEMPORARY TABLE t (a INT)");
  ends.server.hang_up();
  ends.client.expect_closed();
}

TEST_CASE("a relayed account's client is hung up on when the server is lost") {
  stage here;
  auto client = here.connect();
  here.greet(client, "stranger", "unused");
  auto server = here.accept();
  server.read_packet();
  server.send_packet(2, bytes(std::string_view("\xfesome_plugin\0", 13)));
  client.read_packet();
  client.send_packet(3, bytes("proof"));
  server.read_packet();
  server.send_packet(4, ok());
  client.expect(4, ok());
  server.hang_up();
  client.expect_closed();
}
