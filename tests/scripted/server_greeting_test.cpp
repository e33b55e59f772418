// A plain proxy without a pool: the server greets each client, so both have one challenge.
#include "tests/scripted/stage.hpp"

#include "protocol/auth.hpp"

#include <doctest/doctest.h>

using namespace holdwater;
using namespace holdwater::proxy;
using namespace holdwater::proxy::test;

TEST_CASE("a relayed client's proof under the server's challenge goes to the server as it is") {
  stage here;
  here.let_server_greet();
  auto client = here.connect();
  auto server = here.accept();
  const auto hello = here.greet(client, "stranger", "her secret");
  CHECK(hello.salt == server_greeting("mysql_native_password").salt);
  const auto got = server.read_packet();
  const auto login = protocol::parse_handshake_response(got.payload);
  REQUIRE(login.has_value());
  CHECK(login->user == "stranger");
  CHECK(login->auth_plugin == "mysql_native_password");
  CHECK(login->auth_response == protocol::scramble_native("her secret", hello.salt));
  server.send_packet(2, ok());
  client.expect(2, ok());
  stage::pair ends{std::move(client), std::move(server)};
  stage::exchange_ok(ends, "UPDATE t SET a = 1");
}

TEST_CASE("a known account changes to a relayed one by the challenge of its login") {
  stage here;
  here.let_server_greet();
  stage::pair ends;
  ends.client = here.connect();
  ends.server = here.accept();
  here.greet(ends.client, std::string(known_user), std::string(password));
  here.serve_login(ends.server);
  ends.client.expect(2, ok());
  const auto out = stage::change_user("stranger", "a proof");
  ends.client.send(out);
  ends.server.expect_bytes(out);
  ends.server.send_packet(1, ok());
  ends.client.expect(1, ok());
  CHECK_FALSE(here.anyone_waits());
  stage::exchange_ok(ends, "UPDATE t SET a = 1");
}

TEST_CASE("a server that takes no further client says so in its greeting's place") {
  stage here;
  here.let_server_greet();
  auto client = here.connect();
  auto server = here.accept_silently();
  server.send_packet(0, err(1040, "08004", "Too many connections"));
  client.expect(0, err(1040, "08004", "Too many connections"));
  client.expect_closed();
}

TEST_CASE("a client that leaves instead of logging in is not counted against its host: an account of ours "
          "logs in") {
  stage here;
  here.let_server_greet();
  auto client = here.connect();
  auto server = here.accept();
  client.read_packet();
  SUBCASE("at once") {
    client.close();
  }
  SUBCASE("after a wrong password") {
    protocol::byte_buffer out;
    const auto hello = server_greeting("mysql_native_password");
    protocol::append_handshake_response(out, 1, stage::response_to(hello, std::string(known_user), "wrong"));
    client.send(out);
  }
  const auto login = here.serve_login(server);
  CHECK(login.user == known_user);
  CHECK(server.read_packet().payload == bytes("\x01")); // COM_QUIT
}
