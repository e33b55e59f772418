// A server connection whose client has left: how it is cleaned, handed out and let go.
#include "tests/scripted/stage.hpp"

#include "protocol/auth.hpp"
#include "protocol/handshake.hpp"

#include <doctest/doctest.h>

#include <thread>

namespace holdwater::proxy::test {
namespace {

using protocol::byte_buffer;

constexpr std::string_view native = "mysql_native_password";

struct pooling_stage : stage {
  explicit pooling_stage(unsigned most = 4) : stage(std::string(native), patience, true, most) {}

  // A client that has come and gone; its server connection, ready for the next.
  peer leave_one() {
    auto ends = log_in();
    ends.client.send_packet(0, command(protocol::command::quit));
    ends.client.expect_closed();
    answer_reset(ends.server);
    answer_proof(ends.server);
    answer_reset(ends.server);
    wait_until_kept(1);
    return std::move(ends.server);
  }

  static void answer_reset(peer& server) {
    server.expect(0, query("SELECT 1 FROM DUAL WHERE 0"));
    server.expect(0, command(protocol::command::reset_connection));
    server.send_packet(1, ok()); // read as a result without a row
    server.send_packet(1, ok());
  }

  // This server cannot be asked what a login gives, so each login is asked of it.
  static void answer_proof(peer& server) {
    answer_init_connect(server);
    answer_change_user(server, ok());
    server.read_packet();
    server.send_packet(1, err(1193, "HY000", "Unknown system variable"));
  }

  // A further client, up to where the server would be asked.
  peer come() {
    auto client = connect();
    greet(client, std::string(known_user), std::string(password));
    return client;
  }

  static void answer_init_connect(peer& server) {
    server.expect(0, query("SELECT 1 FROM DUAL WHERE @@global.init_connect <> ''"));
    server.send_packet(1, ok()); // read as a result without a row
  }

  static protocol::change_user answer_change_user(peer& server, const byte_buffer& answer) {
    const auto got = server.read_packet();
    const auto asked = protocol::parse_change_user(got.payload, client_capabilities());
    REQUIRE(asked.has_value());
    server.send_packet(1, answer);
    return *asked;
  }

 protected:
  void wait_until_kept(std::uint64_t count) {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (counters().pool_kept.load() < count) {
      REQUIRE_MESSAGE(std::chrono::steady_clock::now() < until, "the connection is not kept");
      std::this_thread::yield();
    }
  }
};

} // namespace

TEST_CASE("a client gets the connection that another one left, after a reset and a new login") {
  pooling_stage here;
  auto server = here.leave_one();
  auto client = here.come();
  pooling_stage::answer_init_connect(server);
  const auto asked = pooling_stage::answer_change_user(server, ok());
  CHECK(asked.user == known_user);
  CHECK(asked.database.empty());
  CHECK(asked.collation == 45);
  client.expect(2, ok());
  client.send_packet(0, query("SELECT 1"));
  server.expect(0, query("SELECT 1"));
  CHECK_FALSE(here.anyone_waits());
  CHECK(here.counters().pool_reused.load() == 1);
}

TEST_CASE("what a kept connection is refused is asked again over a new one") {
  pooling_stage here;
  auto server = here.leave_one();
  auto client = here.come();
  pooling_stage::answer_init_connect(server);
  pooling_stage::answer_change_user(server, err(1045, "28000", "Access denied"));
  server.expect(0, bytes("\x01")); // COM_QUIT
  server.expect_closed();
  auto fresh = here.accept();
  here.accept_login(fresh);
  const auto refusal = err(3118, "HY000", "Account is locked");
  fresh.send_packet(2, refusal);
  client.expect(2, refusal);
}

TEST_CASE("a kept connection that was lost is replaced by a new one, unseen by the client") {
  pooling_stage here;
  auto server = here.leave_one();
  SUBCASE("while it was idle") {
    server.hang_up();
  }
  auto client = here.come();
  SUBCASE("at the first question") {
    server.expect(0, query("SELECT 1 FROM DUAL WHERE @@global.init_connect <> ''"));
    server.hang_up();
  }
  SUBCASE("at the new login") {
    pooling_stage::answer_init_connect(server);
    server.read_packet();
    server.hang_up();
  }
  auto fresh = here.accept();
  here.serve_login(fresh);
  client.expect(2, ok());
}

TEST_CASE("a connection whose reset fails is closed") {
  pooling_stage here;
  auto ends = here.log_in();
  ends.client.hang_up();
  ends.server.expect(0, query("SELECT 1 FROM DUAL WHERE 0"));
  ends.server.expect(0, command(protocol::command::reset_connection));
  ends.server.send_packet(1, ok());
  ends.server.send_packet(1, err(1047, "08S01", "Unknown command"));
  ends.server.expect(0, command(protocol::command::quit));
  ends.server.expect_closed();
}

TEST_CASE("no more connections are kept than the limit says; the one that was idle longest goes") {
  pooling_stage here(1);
  auto first = here.leave_one();
  auto second_client = here.connect();
  here.greet(second_client, std::string(other_known_user), std::string(password));
  auto second = here.accept();
  here.serve_login(second);
  second_client.expect(2, ok());
  second_client.hang_up();
  first.expect(0, command(protocol::command::quit));
  first.expect_closed();
  second.expect(0, query("SELECT 1 FROM DUAL WHERE 0"));
}

TEST_CASE("a connection is not kept when something was done to it that no reset undoes") {
  pooling_stage here;
  auto ends = here.log_in();
  byte_buffer answer;
  protocol::append_message(answer, 1, ok());
  stage::exchange(ends, command(protocol::command::set_option, std::string(2, '\0')), answer);
  ends.client.hang_up();
  ends.server.expect_closed();
}

namespace {

// A server that can be asked: what a reset makes of a connection is what a login makes of it.
struct proving_stage : pooling_stage {
  proving_stage() { settings().pool.revalidate_after = patience * 4; }

  static void answer_fresh_start(peer& server, std::uint16_t status = protocol::server_status::autocommit) {
    server.expect(0, query("SELECT 1 FROM DUAL WHERE 0"));
    server.expect(0, command(protocol::command::reset_connection));
    server.expect(0, query("SET NAMES utf8mb4 COLLATE utf8mb4_general_ci"));
    for (int each = 0; each < 3; ++each) server.send_packet(1, ok(status));
  }

  // The first connection, ready for the next client without a question.
  peer leave_proved() {
    auto ends = log_in();
    ends.client.send_packet(0, command(protocol::command::quit));
    ends.client.expect_closed();
    answer_reset(ends.server);
    answer_init_connect(ends.server);
    answer_change_user(ends.server, ok());
    ends.server.read_packet();
    ends.server.send(result_set({"0"}));
    answer_fresh_start(ends.server);
    ends.server.read_packet();
    ends.server.send(result_set({"0"}));
    answer_fresh_start(ends.server, last_reset);
    wait_until_kept(1);
    return std::move(ends.server);
  }

  static void leave(peer& client, peer& server) {
    client.send_packet(0, command(protocol::command::quit));
    client.expect_closed();
    answer_fresh_start(server);
  }

  std::uint16_t last_reset = protocol::server_status::autocommit; // what the OK of the last one says
};

} // namespace

TEST_CASE("a client is told what the last reset gave, not what the login before it did") {
  proving_stage here;
  here.last_reset =
      protocol::server_status::no_backslash_escapes; // SET GLOBAL autocommit = 0, sql_mode = ...
  auto server = here.leave_proved();
  auto client = here.come();
  client.expect(2, ok(here.last_reset));
}

TEST_CASE("a connection that has the rights of a login before a REVOKE is logged in anew") {
  proving_stage here;
  auto first_server = here.leave_proved();
  auto first = here.come();
  first.expect(2, ok());
  auto second = here.come();
  auto second_server = here.accept();
  here.serve_login(second_server);
  second.expect(2, ok());
  second.send_packet(0, query("REVOKE SELECT ON t FROM app"));
  second_server.expect(0, query("REVOKE SELECT ON t FROM app"));
  second_server.send_packet(1, ok());
  second.expect(1, ok());
  first.send_packet(0, query("SELECT 1"));
  first_server.expect(0, query("SELECT 1"));
  first_server.send_packet(1, ok());
  first.expect(1, ok());
  proving_stage::leave(first, first_server);
  proving_stage::leave(second, second_server);

  auto third = here.come();
  pooling_stage::answer_init_connect(second_server);
  pooling_stage::answer_change_user(second_server, ok());
  third.expect(2, ok());
  auto fourth = here.come(); // vouched for by the third's login, over the first's connection
  pooling_stage::answer_init_connect(first_server);
  pooling_stage::answer_change_user(first_server, ok());
  fourth.expect(2, ok());
}

} // namespace holdwater::proxy::test
