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

 private:
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

} // namespace holdwater::proxy::test
