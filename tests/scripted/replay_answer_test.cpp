// What replay's and the monitor's own connections make of a server's answer.
#include "spool/mysql_connection.hpp"
#include "tests/scripted/packets.hpp"
#include "tests/scripted/peer.hpp"

#include <doctest/doctest.h>

#include <future>

using namespace holdwater;
using namespace holdwater::proxy::test;

namespace {

protocol::byte_buffer old_end() { // an EOF packet's payload
  return {0xfe, 0, 0, 2, 0};
}

} // namespace

TEST_CASE("an answer that is cut among its rows is a lost connection, and no empty answer") {
  listening_socket listens;
  auto answer = std::async(std::launch::async, [port = listens.port()] {
    spool::server_address where;
    where.port = port;
    where.tls.mode = spool::tls_mode::off;
    auto connection = spool::mysql_connection::connect(where, {"app", ""}, "", {});
    REQUIRE(connection.has_value());
    return (*connection)->query("SELECT a FROM t");
  });
  peer server(listens.accept());
  protocol::byte_buffer hello;
  protocol::append_greeting(hello, 0, server_greeting("mysql_native_password"));
  server.send(hello);
  const auto login = server.read_packet();
  server.send_packet(2, ok());
  auto asked = server.read_packet();
  while (asked.payload != query("SELECT a FROM t")) { // what the connection sets up first
    server.send_packet(1, ok());
    asked = server.read_packet();
  }
  const auto rows = unfinished_result_set({});
  server.send(rows);
  server.send_packet(3, old_end());
  server.send_packet(4, {protocol::as_bytes(std::string_view("\x03one"))});
  server.close();
  const auto got = answer.get();
  REQUIRE(got.has_error());
  CHECK(classify(got.error()) == spool::error_class::connection_lost);
}
