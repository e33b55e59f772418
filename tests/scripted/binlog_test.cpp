// COM_BINLOG_DUMP: a replica's stream of events, what it says meanwhile, and the ways in which the stream
// ends.
#include "tests/scripted/stage.hpp"

#include <doctest/doctest.h>

using namespace holdwater;
using namespace holdwater::proxy;
using namespace holdwater::proxy::test;
using protocol::command;

namespace {

constexpr std::string_view where_from("\x04\0\0\0\0\0\x01\0\0\0binlog.000001", 23);

protocol::byte_buffer dump() {
  return test::command(command::binlog_dump, where_from);
}

// Begins a dump and passes one event on.
void begin_dump(stage::pair& ends) {
  ends.client.send_packet(0, dump());
  ends.server.expect(0, dump());
  ends.server.send_packet(1, bytes(std::string_view("\0an event", 9)));
  ends.client.expect(1, bytes(std::string_view("\0an event", 9)));
}

} // namespace

TEST_CASE("a replica registers and gets events for as long as it stays") {
  stage here;
  auto ends = here.log_in();
  protocol::byte_buffer answer;
  protocol::append_message(answer, 1, ok());
  stage::exchange(ends, test::command(command::register_replica, "who it is"), answer);
  begin_dump(ends);
  for (std::uint8_t sequence = 2; sequence < 50; ++sequence) {
    ends.server.send_packet(sequence, bytes(std::string_view("\0\xfe\xff", 3)));
    ends.client.expect(sequence, bytes(std::string_view("\0\xfe\xff", 3)));
    ends.client.send_packet(0, bytes("\xef it has received that")); // a semi-synchronous replica's answer
    ends.server.expect(0, bytes("\xef it has received that"));
  }
  ends.client.hang_up();
  ends.server.expect_closed();
}

TEST_CASE("a dump ends when the server leaves, and its last words arrive") {
  stage here;
  auto ends = here.log_in();
  begin_dump(ends);
  ends.server.send_packet(2, bytes(std::string_view("\0 the last event", 16)));
  ends.server.close();
  ends.client.expect(2, bytes(std::string_view("\0 the last event", 16)));
  ends.client.expect_closed();
}

TEST_CASE("a dump that does not wait for more ends with EOF, and commands may follow") {
  stage here;
  auto ends = here.log_in();
  begin_dump(ends);
  ends.server.send_packet(2, protocol::byte_buffer{0xfe, 0, 0, 2, 0});
  ends.client.expect(2, protocol::byte_buffer{0xfe, 0, 0, 2, 0});
  stage::exchange_ok(ends, "UPDATE t SET a = 1");
}

TEST_CASE("a dump that is refused leaves the session as it was") {
  stage here;
  auto ends = here.log_in();
  ends.client.send_packet(0, dump());
  ends.server.expect(0, dump());
  const auto refusal = err(1227, "42000", "Access denied; you need the REPLICATION SLAVE privilege");
  ends.server.send_packet(1, refusal);
  ends.client.expect(1, refusal);
  stage::exchange_ok(ends, "UPDATE t SET a = 1");
}

TEST_CASE("an event of more than one packet is no end, whatever its second packet begins with") {
  stage here;
  auto ends = here.log_in();
  begin_dump(ends);
  protocol::byte_buffer event(protocol::max_packet_payload + 5, 0xfe);
  event.front() = 0;
  protocol::byte_buffer framed;
  protocol::append_message(framed, 2, event);
  ends.server.send(protocol::byte_span(framed).first(1 << 16));
  ends.client.expect_bytes(protocol::byte_span(framed).first(1 << 16));
  for (std::size_t at = 1 << 16; at < framed.size(); at += 1 << 16) {
    const auto part =
        protocol::byte_span(framed).subspan(at, std::min<std::size_t>(1 << 16, framed.size() - at));
    ends.server.send(part);
    ends.client.expect_bytes(part);
  }
  ends.server.send_packet(4, bytes(std::string_view("\0one more", 9)));
  ends.client.expect(4, bytes(std::string_view("\0one more", 9)));
}
