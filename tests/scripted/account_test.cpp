// The connection phase: who is let in, by whom, and what each side gets to see of it.
#include "protocol/auth.hpp"
#include "tests/scripted/stage.hpp"

#include <doctest/doctest.h>

using namespace holdwater;
using namespace holdwater::proxy;
using namespace holdwater::proxy::test;

namespace {

const std::string user(known_user);
const std::string secret(password);

// What the client sees of a relayed login up to its proof being at the server.
struct relayed {
  peer client;
  peer server;
  protocol::handshake_response login;
};

relayed relay_to_server(stage& here) {
  relayed ends;
  ends.client = here.connect();
  here.greet(ends.client, "stranger", "unused");
  ends.server = here.accept();
  const auto response = ends.server.read_packet();
  REQUIRE(response.sequence == 1);
  const auto parsed = protocol::parse_handshake_response(response.payload);
  REQUIRE(parsed.has_value());
  ends.login = *parsed;
  // no account has the plugin that it names, so the server asks for the account's own
  CHECK(parsed->auth_response.empty());
  const auto salt = server_greeting("mysql_native_password").salt;
  protocol::byte_buffer out;
  protocol::append_auth_switch(out, 2, {"client_ed25519", std::string(protocol::as_text(salt))});
  ends.server.send(out);
  const auto asked = ends.client.read_packet();
  REQUIRE(asked.sequence == 2);
  const auto asked_for = protocol::parse_auth_switch(asked.payload);
  REQUIRE(asked_for.has_value());
  CHECK(asked_for->plugin == "client_ed25519");
  CHECK(asked_for->data == std::string(protocol::as_text(salt)));
  ends.client.send_packet(3, bytes("the client's own proof"));
  ends.server.expect(3, bytes("the client's own proof"));
  return ends;
}

} // namespace

TEST_CASE("the greeting is the server's, with a connection id of ours and without TLS") {
  stage here;
  auto client = here.connect();
  const auto got = here.greet(client, user, secret);
  const auto real = server_greeting("mysql_native_password");
  CHECK(got.server_version == real.server_version);
  CHECK(got.character_set == real.character_set);
  CHECK(got.status == real.status);
  CHECK(got.auth_plugin == real.auth_plugin);
  CHECK(got.connection_id != real.connection_id);
  CHECK(got.salt != real.salt);
  CHECK(got.server_capabilities == (real.server_capabilities & ~protocol::cap::ssl));
}

TEST_CASE("a greeting that is not known yet is fetched from the server") {
  stage here("mysql_native_password", patience, false);
  auto client = here.connect();
  auto scout = here.accept();
  here.serve_login(scout);
  CHECK(here.greet(client, user, secret).server_version == "8.0.99-scripted");
  auto server = here.accept();
  here.serve_login(server);
  client.expect(2, ok());
}

TEST_CASE("a known account logs in with mysql_native_password, and the server's OK is the answer") {
  stage here;
  auto client = here.connect();
  here.greet(client, user, secret, "shop");
  auto server = here.accept();
  const auto login = here.accept_login(server);
  CHECK(login.user == user);
  CHECK(login.database == "shop");
  CHECK(login.collation == 45);
  server.send_packet(2, ok(protocol::server_status::autocommit, 7));
  client.expect(2, ok(protocol::server_status::autocommit, 7));
}

TEST_CASE("a known account logs in with caching_sha2_password") {
  stage here("caching_sha2_password");
  auto client = here.connect();
  here.greet(client, user, secret);
  client.expect(2, protocol::byte_buffer{0x01, 0x03});
  auto server = here.accept();
  here.accept_login(server);
  server.send_packet(2, protocol::byte_buffer{0x01, 0x03});
  server.send_packet(3, ok());
  client.expect(3, ok());
}

TEST_CASE("a wrong password is refused with 1045 before the server is bothered") {
  for (const auto* plugin : {"mysql_native_password", "caching_sha2_password"}) {
    CAPTURE(plugin);
    stage here(plugin);
    auto client = here.connect();
    here.greet(client, user, "wrong");
    const auto got = client.read_packet();
    CHECK(got.sequence == 2);
    CHECK(expect_err(got, 1045, "28000") == "Access denied for user 'app'@'127.0.0.1' (using password: YES)");
    client.expect_closed();
    CHECK_FALSE(here.anyone_waits());
  }
}

TEST_CASE("the server's refusal of a known account is passed on") {
  stage here;
  auto client = here.connect();
  here.greet(client, user, secret, "missing");
  auto server = here.accept();
  here.accept_login(server);
  server.send_packet(2, err(1049, "42000", "Unknown database 'missing'"));
  client.expect(2, err(1049, "42000", "Unknown database 'missing'"));
  client.expect_closed();
}

TEST_CASE("a relayed account answers the server's challenge itself") {
  stage here;
  auto ends = relay_to_server(here);
  CHECK(ends.login.user == "stranger");
  ends.server.send_packet(4, ok());
  ends.client.expect(4, ok());
  stage::pair both{std::move(ends.client), std::move(ends.server)};
  stage::exchange_ok(both, "UPDATE t SET a = 1");
}

TEST_CASE("a relayed account's further authentication packets pass both ways") {
  stage here;
  auto ends = relay_to_server(here);
  ends.server.send_packet(4, bytes("\x01 go on"));
  ends.client.expect(4, bytes("\x01 go on"));
  ends.client.send_packet(5, bytes("more proof"));
  ends.server.expect(5, bytes("more proof"));
  ends.server.send_packet(6, ok());
  ends.client.expect(6, ok());
}

TEST_CASE("the server's refusal of a relayed account is passed on") {
  stage here;
  auto ends = relay_to_server(here);
  ends.server.send_packet(4, err(1045, "28000", "Access denied for user 'stranger'"));
  ends.client.expect(4, err(1045, "28000", "Access denied for user 'stranger'"));
  ends.client.expect_closed();
  ends.server.expect_closed();
}

TEST_CASE("COM_CHANGE_USER between relayed accounts goes to the same server connection as it is") {
  stage here;
  auto ends = relay_to_server(here);
  ends.server.send_packet(2, ok());
  ends.client.expect(4, ok());
  const auto out = stage::change_user("another stranger", "an answer to the first challenge", "reports");
  ends.client.send(out);
  ends.server.expect_bytes(out);
  const auto another = bytes(std::string_view("\xfe"
                                              "another_plugin\0"
                                              "a challenge",
                                              27));
  ends.server.send_packet(1, another);
  ends.client.expect(1, another);
  ends.client.send_packet(2, bytes("a proof"));
  ends.server.expect(2, bytes("a proof"));
  ends.server.send_packet(3, ok());
  ends.client.expect(3, ok());
  CHECK_FALSE(here.anyone_waits());
  stage::pair both{std::move(ends.client), std::move(ends.server)};
  stage::exchange_ok(both, "UPDATE t SET a = 1");
}

TEST_CASE("a known account's COM_CHANGE_USER may answer the greeting's challenge") {
  stage here;
  auto client = here.connect();
  const auto hello = here.greet(client, user, secret);
  auto server = here.accept();
  here.serve_login(server);
  client.expect(2, ok());
  protocol::change_user asked;
  asked.user = user;
  asked.auth_response = protocol::scramble_native(password, hello.salt);
  asked.collation = 45;
  asked.auth_plugin = "mysql_native_password";
  protocol::byte_buffer out;
  protocol::append_change_user(out, 0, asked, client_capabilities());
  client.send(out);
  server.read_packet();
  server.send_packet(1, ok());
  client.expect(1, ok());
}

TEST_CASE("COM_CHANGE_USER to another known account changes the user of the same server connection") {
  stage here;
  auto ends = here.log_in();
  protocol::change_user asked;
  asked.user = other_known_user;
  asked.database = "reports";
  asked.collation = 305;                       // a login could not say it
  asked.auth_plugin = "mysql_native_password"; // with no answer yet: a challenge comes back
  protocol::byte_buffer out;
  protocol::append_change_user(out, 0, asked, client_capabilities());
  ends.client.send(out);
  const auto got = ends.client.read_packet();
  REQUIRE(got.sequence == 1);
  const auto switched = protocol::parse_auth_switch(got.payload);
  REQUIRE(switched.has_value());
  const auto salt = protocol::as_bytes(std::string_view(switched->data).substr(0, 20));
  ends.client.send_packet(2, bytes(protocol::scramble_native(password, salt)));

  const auto passed_on = ends.server.read_packet();
  const auto login = protocol::parse_change_user(passed_on.payload, client_capabilities());
  REQUIRE(login.has_value());
  CHECK(login->user == other_known_user);
  CHECK(login->database == "reports");
  CHECK(login->collation == 305);
  SUBCASE("which the server accepts") {
    ends.server.send_packet(1, ok());
    ends.client.expect(3, ok());
    stage::exchange_ok(ends, "UPDATE t SET a = 1");
  }
  SUBCASE("which the server refuses: the connection ends with its words") {
    const auto refusal = err(1049, "42000", "Unknown database 'reports'");
    ends.server.send_packet(1, refusal);
    ends.client.expect(3, refusal);
    ends.client.expect_closed();
  }
  SUBCASE("which the server does not live to see") {
    ends.server.hang_up();
    ends.server = here.accept();
    CHECK(here.serve_login(ends.server).database == "reports");
    ends.client.expect(3, ok());
  }
}

TEST_CASE("a client's goodbye reaches the server, and silence does not become one") {
  stage here;
  auto polite = here.log_in();
  polite.client.send_packet(0, command(protocol::command::quit));
  polite.server.expect(0, command(protocol::command::quit));
  polite.server.expect_closed();
  polite.client.expect_closed();
  auto rude = here.log_in();
  rude.client.hang_up();
  rude.server.expect_closed();
}
