// What recordings cannot hold: packets of 0xffffff bytes, hostile bytes, and messages that may not come.
#include "protocol/response_tracker.hpp"
#include "tests/unit/protocol/answers.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

using namespace holdwater::protocol;
using state = response_tracker::state;
using ending = response_tracker::ending;

namespace {

constexpr capabilities ok_form = cap::protocol_41 | cap::deprecate_eof;

byte_buffer rows_end() {
  return test::from_hex("07 00 00 09 fe 00 00 02 00 00 00");
}

void feed_rows(std::size_t row_size, std::size_t piece_size, std::uint8_t first) {
  byte_buffer row(row_size, 0xfe); // later packets of a row may begin with any byte
  row.front() = first;
  byte_buffer bytes;
  append_message(bytes, 1, row);
  append_message(bytes, 1, test::from_hex("01 31"));
  const byte_buffer end = rows_end();
  bytes.insert(bytes.end(), end.begin(), end.end());
  response_tracker tracker;
  tracker.start(command::stmt_fetch, ok_form);
  std::size_t at = 0;
  while (at < bytes.size()) {
    REQUIRE(tracker.current() == state::in_progress);
    const auto taken = tracker.feed(byte_span(bytes).subspan(at, std::min(piece_size, bytes.size() - at)));
    REQUIRE(taken.has_value());
    at += *taken;
  }
  CHECK(tracker.current() == state::complete);
  CHECK(tracker.rows() == 2);
  CHECK(tracker.ended_by() == ending::ok);
}

bool refused(command value, capabilities negotiated, std::string_view hex) {
  response_tracker tracker;
  tracker.start(value, negotiated);
  return tracker.feed(test::from_hex(hex)).has_error();
}

} // namespace

TEST_CASE("a row of 0xffffff bytes and its continuation are one row") {
  for (const std::size_t size : {max_packet_payload - 1, max_packet_payload, max_packet_payload + 1,
                                 2 * max_packet_payload, 2 * max_packet_payload + 5}) {
    INFO(size);
    feed_rows(size, 65536, 0x00);
    feed_rows(size, 65537, 0xfd);
  }
  feed_rows(max_packet_payload + 5, 65536, 0xfe); // a text row whose first field is longer than 16 MiB
}

TEST_CASE("a row that begins with 0xfe ends nothing in the EOF form") {
  response_tracker tracker;
  tracker.start(command::stmt_fetch, cap::protocol_41);
  REQUIRE(tracker.feed(test::from_hex("09 00 00 01 fe 01 00 00 00 00 00 00 00")).has_value());
  CHECK(tracker.current() == state::in_progress);
  CHECK(tracker.rows() == 1);
}

TEST_CASE("a command without an answer is complete at once") {
  response_tracker tracker;
  for (const command value : {command::quit, command::stmt_close, command::stmt_send_long_data}) {
    tracker.start(value, ok_form);
    CHECK(tracker.current() == state::complete);
    CHECK(*tracker.feed(rows_end()) == 0);
  }
}

TEST_CASE("a progress report ends nothing, wherever it comes") {
  const auto report = test::from_hex("0e 00 00 01 ff ff ff 01 01 02 9b 02 00 04 63 6f 70 79");
  response_tracker tracker;
  tracker.start(command::stmt_fetch, ok_form);
  REQUIRE(tracker.feed(report).has_value());
  CHECK(tracker.current() == state::in_progress);
  CHECK(tracker.ended_by() == ending::none);
  REQUIRE(tracker.feed(rows_end()).has_value());
  CHECK(tracker.current() == state::complete);
}

TEST_CASE("an error with the progress report's number and a state is an error") {
  response_tracker tracker;
  tracker.start(command::query, ok_form);
  REQUIRE(tracker.feed(test::from_hex("09 00 00 01 ff ff ff 23 34 35 30 30 30")).has_value());
  CHECK(tracker.ended_by() == ending::err);
  CHECK(tracker.err().sql_state == "45000");
}

TEST_CASE("an OK that is too long to keep still tells its status and that more results come") {
  ok_message ok;
  ok.affected_rows = 3;
  ok.status = server_status::more_results_exists | server_status::session_state_changed;
  const std::string long_state(2 << 20, 'x');
  ok.session_state = long_state;
  byte_buffer bytes;
  append_ok(bytes, 1, ok, ok_form | cap::session_track);
  response_tracker tracker;
  tracker.start(command::query, ok_form | cap::session_track);
  REQUIRE(*tracker.feed(bytes) == bytes.size());
  CHECK(tracker.current() == state::in_progress);
  CHECK(tracker.ok().affected_rows == 3);
  CHECK(tracker.ok().session_state.empty());
}

TEST_CASE("a packet that may not come now is refused") {
  CHECK(refused(command::ping, ok_form, "01 00 00 01 05"));
  CHECK(refused(command::query, ok_form, "00 00 00 01"));                       // no first byte
  CHECK(refused(command::query, ok_form, "01 00 00 01 00"));                    // an OK cut short
  CHECK(refused(command::query, ok_form, "02 00 00 01 fc 01"));                 // a column count cut short
  CHECK(refused(command::query, ok_form, "01 00 00 01 fe"));                    // a column count cut short
  CHECK(refused(command::stmt_prepare, ok_form, "05 00 00 01 00 01 00 00 00")); // an answer cut short
  CHECK(refused(command::stmt_prepare, ok_form, "05 00 00 01 fe 01 00 00 00")); // neither OK nor ERR
  CHECK(refused(command::query, cap::protocol_41, "01 00 00 01 01 01 00 00 02 03 01 00 00 03 03")); // no EOF
  CHECK(refused(command::stmt_fetch, ok_form, "00 00 00 01")); // a row without bytes
}

TEST_CASE("random bytes never lead out of the buffer, and are never counted twice") {
  std::mt19937 random(test::test_seed());
  constexpr std::uint8_t interesting[] = {0, 1, 2, 5, 7, 9, 0xfb, 0xfc, 0xfd, 0xfe, 0xff};
  constexpr command commands[] = {command::query,      command::stmt_prepare, command::stmt_execute,
                                  command::stmt_fetch, command::field_list,   command::statistics,
                                  command::ping};
  response_tracker tracker;
  for (int round = 0; round < 20000; ++round) {
    byte_buffer bytes(random() % 120);
    for (std::uint8_t& byte : bytes) byte = random() % 3 ? interesting[random() % 11] : random() % 256;
    for (std::size_t at = 1; at + 2 < bytes.size(); at += 1 + random() % 9) bytes[at] = bytes[at + 1] = 0;
    const capabilities negotiated = (static_cast<capabilities>(random()) << 32 | random()) | cap::protocol_41;
    tracker.start(commands[random() % 7], negotiated);
    const auto taken = tracker.feed(bytes);
    if (taken.has_error()) continue;
    REQUIRE(*taken <= bytes.size());
    REQUIRE((tracker.current() != state::in_progress || *taken == bytes.size()));
  }
}
