// The command phase while the server is there: bytes are not touched, whatever their shape.
#include "tests/scripted/stage.hpp"

#include <doctest/doctest.h>

using namespace holdwater;
using namespace holdwater::proxy;
using namespace holdwater::proxy::test;
using protocol::byte_buffer;

TEST_CASE("a query is forwarded byte for byte") {
  stage here;
  auto ends = here.log_in();
  stage::exchange(ends, query("SELECT  'x\xff\0y' /* as it is */ ;"), result_set({"one", "two"}));
}

TEST_CASE("an answer that comes in single bytes reaches the client byte for byte") {
  stage here;
  auto ends = here.log_in();
  const auto answer = result_set({"", "two", std::string(300, 'x')});
  ends.client.send_packet(0, query("SELECT a FROM t"));
  ends.server.expect(0, query("SELECT a FROM t"));
  ends.server.send_in_pieces(answer);
  ends.client.expect_bytes(answer);
  stage::exchange_ok(ends, "UPDATE t SET a = 1");
}

TEST_CASE("each part of an answer reaches the client without waiting for the rest") {
  stage here;
  here.tell_clients(); // else a header is kept until it can be told what it is of
  auto ends = here.log_in();
  const auto answer = result_set({"one", "two"});
  for (std::size_t cut = 1; cut < answer.size(); ++cut) {
    CAPTURE(cut);
    const auto whole = protocol::byte_span(answer);
    ends.client.send_packet(0, query("SELECT a FROM t"));
    ends.server.expect(0, query("SELECT a FROM t"));
    ends.server.send(whole.first(cut));
    ends.client.expect_bytes(whole.first(cut));
    ends.server.send(whole.subspan(cut));
    ends.client.expect_bytes(whole.subspan(cut));
  }
}

TEST_CASE("the server's error is passed on and the session lives") {
  stage here;
  auto ends = here.log_in();
  byte_buffer answer;
  protocol::append_message(answer, 1, err(1146, "42S02", "Table 'a.b' doesn't exist"));
  stage::exchange(ends, query("SELECT * FROM b"), answer);
  stage::exchange_ok(ends, "UPDATE t SET a = 1");
}

TEST_CASE("pipelined commands are answered in order") {
  stage here;
  auto ends = here.log_in();
  byte_buffer both;
  protocol::append_message(both, 0, query("SELECT 1"));
  protocol::append_message(both, 0, query("UPDATE t SET a = 2"));
  protocol::append_message(both, 0, command(protocol::command::ping));
  ends.client.send(both);
  ends.server.expect(0, query("SELECT 1"));
  ends.server.send(result_set({"1"}));
  ends.server.expect(0, query("UPDATE t SET a = 2"));
  ends.server.send_packet(1, ok(protocol::server_status::autocommit, 5));
  ends.server.expect(0, command(protocol::command::ping));
  ends.server.send_packet(1, ok());
  ends.client.expect_bytes(result_set({"1"}));
  ends.client.expect(1, ok(protocol::server_status::autocommit, 5));
  ends.client.expect(1, ok());
}

TEST_CASE("a command that comes in single bytes is forwarded once it is whole") {
  stage here;
  auto ends = here.log_in();
  byte_buffer framed;
  protocol::append_message(framed, 0, query("UPDATE t SET a = 1"));
  ends.client.send_in_pieces(framed);
  ends.server.expect(0, query("UPDATE t SET a = 1"));
  ends.server.send_packet(1, ok());
  ends.client.expect(1, ok());
}

TEST_CASE("COM_STMT_CLOSE gets no answer") {
  stage here;
  auto ends = here.log_in();
  const auto closing = command(protocol::command::stmt_close, std::string_view("\1\0\0\0", 4));
  ends.client.send_packet(0, closing);
  ends.server.expect(0, closing);
  stage::exchange_ok(ends, "UPDATE t SET a = 1"); // whose answer is the first that comes
}

TEST_CASE("COM_QUIT hangs up at both ends") {
  stage here;
  auto ends = here.log_in();
  ends.client.send_packet(0, command(protocol::command::quit));
  ends.client.expect_closed();
  ends.server.hang_up();
}

TEST_CASE("the client's file passes to the server in LOAD DATA LOCAL") {
  stage here;
  auto ends = here.log_in();
  const auto load = query("LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE t");
  ends.client.send_packet(0, load);
  ends.server.expect(0, load);
  ends.server.send_packet(1, bytes("\xfb/etc/passwd"));
  ends.client.expect(1, bytes("\xfb/etc/passwd"));
  ends.client.send_packet(2, bytes("1,one\n2,two\n"));
  ends.client.send_packet(3, bytes("3,three\n"));
  ends.client.send_packet(4, {});
  ends.server.expect(2, bytes("1,one\n2,two\n"));
  ends.server.expect(3, bytes("3,three\n"));
  ends.server.expect(4, {});
  ends.server.send_packet(5, ok(protocol::server_status::autocommit, 3));
  ends.client.expect(5, ok(protocol::server_status::autocommit, 3));
  stage::exchange_ok(ends, "UPDATE t SET a = 1");
}

TEST_CASE("a client that has no file for LOAD DATA LOCAL says so with the empty packet") {
  stage here;
  auto ends = here.log_in();
  const auto load = query("LOAD DATA LOCAL INFILE 'missing' INTO TABLE t");
  ends.client.send_packet(0, load);
  ends.server.expect(0, load);
  ends.server.send_packet(1, bytes("\xfbmissing"));
  ends.client.expect(1, bytes("\xfbmissing"));
  ends.client.send_packet(2, {});
  ends.server.expect(2, {});
  ends.server.send_packet(3, ok());
  ends.client.expect(3, ok());
}
