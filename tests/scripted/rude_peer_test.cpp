// Peers that do not keep to the protocol, or to its pace: they harm nobody but themselves.
#include "tests/scripted/stage.hpp"

#include <doctest/doctest.h>

using namespace holdwater;
using namespace holdwater::proxy;
using namespace holdwater::proxy::test;
using namespace std::chrono_literals;

TEST_CASE("a client that sends half a header and hangs up takes its server connection along") {
  stage here;
  auto ends = here.log_in();
  ends.client.send(bytes("\x05\x00"));
  ends.client.hang_up();
  ends.server.hang_up();
}

TEST_CASE("a client that hangs up instead of answering the greeting is forgotten") {
  stage here;
  auto client = here.connect();
  client.read_packet();
  client.hang_up();
  auto next = here.log_in();
  CHECK(here.counters().connected() == 1);
}

TEST_CASE("a handshake response that cannot be read is refused") {
  stage here;
  auto client = here.connect();
  client.read_packet();
  client.send_packet(1, bytes("GET / HTTP/1.1"));
  const auto got = client.read_packet();
  CHECK(got.sequence == 2);
  expect_err(got, 1043, "08S01");
  client.expect_closed();
}

TEST_CASE("a handshake response larger than any is not waited for") {
  stage here;
  auto client = here.connect();
  client.read_packet();
  client.send(bytes("\xff\xff\xff\x01"));
  client.expect_closed();
}

TEST_CASE("a client that is silent for the handshake time-out is hung up on") {
  stage here("mysql_native_password", 100ms);
  auto client = here.connect();
  client.read_packet();
  client.expect_closed();
}

TEST_CASE("a command without a command byte is the server's to judge") {
  stage here;
  auto ends = here.log_in();
  protocol::byte_buffer answer;
  protocol::append_message(answer, 1, err(1835, "HY000", "Malformed communication packet."));
  stage::exchange(ends, {}, answer);
  stage::exchange_ok(ends, "UPDATE t SET a = 1");
}

TEST_CASE("a server whose greeting is no greeting is unreachable") {
  stage here;
  auto client = here.connect();
  here.greet(client, "stranger", "unused");
  auto server = here.accept_silently();
  server.send_packet(0, bytes("SSH-2.0-OpenSSH"));
  expect_err(client.read_packet(), 3032, "HY000");
  client.expect_closed();
  here.wait_for(server_state::suspect);
}

TEST_CASE("a server that answers a read with no MySQL packet is left") {
  stage here;
  auto ends = here.log_in();
  ends.client.send_packet(0, query("UPDATE t SET a = 1"));
  ends.server.expect(0, query("UPDATE t SET a = 1"));
  ends.server.send_packet(1, bytes("\xfc"));
  expect_err(ends.client.read_packet(), 2013, "08007");
  ends.server.expect_closed();
}

TEST_CASE("a client that leaves while its statement runs is gone for the server too") {
  stage here;
  auto ends = here.log_in();
  ends.client.send_packet(0, query("SELECT GET_LOCK('x', 3600)"));
  ends.server.expect(0, query("SELECT GET_LOCK('x', 3600)"));
  ends.client.close();
  ends.server.expect_closed();
}
