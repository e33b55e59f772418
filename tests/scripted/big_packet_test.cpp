// Messages around the size of one packet, 0xffffff bytes, in both directions, in bounded memory.
#include "tests/scripted/stage.hpp"

#include <doctest/doctest.h>

#include <future>

using namespace holdwater;
using namespace holdwater::proxy;
using namespace holdwater::proxy::test;
using protocol::byte_buffer;

namespace {

byte_buffer framed_insert(std::size_t payload_size) {
  auto payload = query("INSERT INTO t VALUES ('");
  payload.resize(payload_size, 'x');
  byte_buffer out;
  protocol::append_message(out, 0, payload);
  return out;
}

// One end sends while the other reads: neither fits into a socket's buffer.
void pass(peer& from, peer& to, const byte_buffer& what) {
  auto sending = std::async(std::launch::async, [&] { from.send(what); });
  const auto got = to.read(what.size());
  sending.get();
  CHECK(got == what); // not shown: it is long
}

} // namespace

TEST_CASE("a command of exactly one full packet is forwarded with its continuation") {
  for (const auto size : {protocol::max_packet_payload - 1, protocol::max_packet_payload,
                          protocol::max_packet_payload + 1, 2 * protocol::max_packet_payload}) {
    CAPTURE(size);
    stage here;
    auto ends = here.log_in();
    const auto insert = framed_insert(size);
    pass(ends.client, ends.server, insert);
    const auto sequence = static_cast<std::uint8_t>(size / protocol::max_packet_payload + 1);
    ends.server.send_packet(sequence, ok(protocol::server_status::autocommit, 1));
    ends.client.expect(sequence, ok(protocol::server_status::autocommit, 1));
    stage::exchange_ok(ends, "UPDATE t SET a = 1");
  }
}

TEST_CASE("a row of exactly one full packet is forwarded with its continuation") {
  stage here;
  auto ends = here.log_in();
  ends.client.send_packet(0, query("SELECT a FROM t"));
  ends.server.expect(0, query("SELECT a FROM t"));
  const std::size_t length_bytes = 4; // of a length-encoded string of this size
  auto answer = unfinished_result_set({std::string(protocol::max_packet_payload - length_bytes, 'x')});
  protocol::append_message(answer, 5, end_of_rows()); // the row took two sequence ids
  pass(ends.server, ends.client, answer);
  stage::exchange_ok(ends, "UPDATE t SET a = 1");
}
