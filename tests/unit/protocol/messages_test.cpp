// OK, ERR, EOF and local result sets: each both ways from one row, cut at every byte.
#include "protocol/messages.hpp"
#include "protocol/response_tracker.hpp"
#include "tests/unit/protocol/answers.hpp"

#include <doctest/doctest.h>

using namespace holdwater::protocol;

namespace {

constexpr capabilities plain = cap::protocol_41;
constexpr capabilities tracked = cap::protocol_41 | cap::session_track;

byte_span payload_of(const byte_buffer& packet) {
  return byte_span(packet).subspan(packet_header_size);
}

struct ok_row {
  const char* what;
  capabilities negotiated;
  ok_message message;
  const char* hex;
};

const ok_row ok_rows[] = {
    {"nothing changed", plain, {0, 0, 2, 0, {}, {}}, "07 00 00 01 00 00 00 02 00 00 00"},
    {"an INSERT", plain, {1, 300, 3, 1, {}, {}}, "09 00 00 01 00 01 fc 2c 01 03 00 01 00"},
    {"with info", plain, {2, 0, 2, 0, "abc", {}}, "0b 00 00 01 00 02 00 02 00 00 00 03 61 62 63"},
    {"with info, tracked", tracked, {2, 0, 2, 0, "abc", {}}, "0b 00 00 01 00 02 00 02 00 00 00 03 61 62 63"},
    {"a changed schema",
     tracked,
     {0, 0, 0x4002, 0, {}, {"\x01\x02\x01w", 4}},
     "0d 00 00 01 00 00 00 02 40 00 00 00 04 01 02 01 77"},
    {"a changed schema with info",
     tracked,
     {0, 0, 0x4002, 0, "i", {"\x01\x02\x01w", 4}},
     "0e 00 00 01 00 00 00 02 40 00 00 01 69 04 01 02 01 77"},
};

void check_same(const ok_message& left, const ok_message& right) {
  CHECK(left.affected_rows == right.affected_rows);
  CHECK(left.last_insert_id == right.last_insert_id);
  CHECK(left.status == right.status);
  CHECK(left.warnings == right.warnings);
  CHECK(left.info == right.info);
  CHECK(left.session_state == right.session_state);
}

} // namespace

TEST_CASE("an OK is written as servers write it, and reads back") {
  for (const ok_row& each : ok_rows) {
    INFO(each.what);
    byte_buffer out;
    append_ok(out, 1, each.message, each.negotiated);
    CHECK(out == test::from_hex(each.hex));
    const auto parsed = parse_ok(payload_of(out), each.negotiated);
    REQUIRE(parsed.has_value());
    check_same(*parsed, each.message);
  }
}

TEST_CASE("an OK without its fixed fields is malformed") {
  for (const ok_row& each : ok_rows) {
    const byte_buffer whole = test::from_hex(each.hex);
    const byte_span payload = payload_of(whole);
    const std::size_t fixed = each.message.last_insert_id > 250 ? 9 : 7;
    for (std::size_t cut = 0; cut < payload.size(); ++cut) {
      const auto parsed =
          parse_ok(byte_buffer(payload.begin(), payload.begin() + static_cast<long>(cut)), each.negotiated);
      CHECK((parsed.has_error() || cut >= fixed));
    }
  }
}

TEST_CASE("an OK may end rows with 0xfe") {
  byte_buffer out;
  append_ok(out, 9, {0, 0, 2, 0, {}, {}}, plain, 0xfe);
  CHECK(out == test::from_hex("07 00 00 09 fe 00 00 02 00 00 00"));
  CHECK(parse_ok(payload_of(out), plain).has_value());
}

TEST_CASE("an OK's info may fill the rest of the packet without a length") {
  const byte_buffer bytes = test::from_hex("00 00 00 02 00 00 00 61 62 63");
  CHECK(parse_ok(bytes, plain)->info == "abc");
}

TEST_CASE("an ERR is written with its state, and reads back") {
  byte_buffer out;
  append_err(out, 1, {1213, "40001", "Deadlock"}, plain);
  CHECK(out == test::from_hex("11 00 00 01 ff bd 04 23 34 30 30 30 31 44 65 61 64 6c 6f 63 6b"));
  const auto parsed = parse_err(payload_of(out), plain);
  REQUIRE(parsed.has_value());
  CHECK(parsed->number == 1213);
  CHECK(parsed->sql_state == "40001");
  CHECK(parsed->text == "Deadlock");
  for (std::size_t cut = 0; cut < 3; ++cut) CHECK(parse_err(payload_of(out).first(cut), plain).has_error());
}

TEST_CASE("an ERR before the handshake has no state, and one with a state is understood there too") {
  byte_buffer out;
  append_err(out, 0, {1040, {}, "Too many connections"}, 0);
  CHECK(out[7] == 'T');
  CHECK(parse_err(payload_of(out), 0)->sql_state.empty());
  CHECK(parse_err(payload_of(out), 0)->text == "Too many connections");
  const byte_buffer with_state = test::from_hex("ff 10 04 23 30 38 30 30 34 54");
  CHECK(parse_err(with_state, 0)->sql_state == "08004");
  CHECK(parse_err(with_state, 0)->text == "T");
}

TEST_CASE("an ERR without a state gets the general one") {
  byte_buffer out;
  append_err(out, 0, {1105, {}, "x"}, plain);
  CHECK(parse_err(payload_of(out), plain)->sql_state == "HY000");
}

TEST_CASE("an EOF is written as servers write it, and reads back") {
  byte_buffer out;
  append_eof(out, 3, {1, 0x22});
  CHECK(out == test::from_hex("05 00 00 03 fe 01 00 22 00"));
  const auto parsed = parse_eof(payload_of(out));
  REQUIRE(parsed.has_value());
  CHECK(parsed->warnings == 1);
  CHECK(parsed->status == 0x22);
  for (std::size_t cut = 0; cut < 5; ++cut) CHECK(parse_eof(payload_of(out).first(cut)).has_error());
}

TEST_CASE("a message with another's first byte is malformed") {
  const byte_buffer bytes = test::from_hex("05 00 00 02 00 00 00");
  CHECK(parse_ok(bytes, plain).has_error());
  CHECK(parse_err(bytes, plain).has_error());
  CHECK(parse_eof(bytes).has_error());
}

TEST_CASE("a local result set is an answer in every form that can be negotiated") {
  const text_result_set set{{"Level", "Code", "Message"},
                            {{"Note", "1", "held"}, {"Note", "2", std::string(300, 'x')}}};
  const std::string long_value(max_packet_payload, 'y');
  const text_result_set wide{{"Value"}, {{long_value}, {""}}};
  for (const capabilities form :
       {plain, plain | cap::deprecate_eof, tracked | cap::deprecate_eof,
        plain | cap::optional_resultset_metadata,
        plain | cap::mariadb_cache_metadata | cap::mariadb_extended_metadata | cap::deprecate_eof}) {
    for (const text_result_set* each : {&set, &wide}) {
      byte_buffer out;
      append_text_result_set(out, 1, *each, server_status::autocommit, 2, form);
      response_tracker tracker;
      tracker.start(command::query, form);
      REQUIRE(tracker.feed(out).has_value());
      CHECK(tracker.current() == response_tracker::state::complete);
      CHECK(tracker.rows() == 2);
      CHECK(tracker.ok().status == server_status::autocommit);
      CHECK(tracker.ok().warnings == 2);
    }
  }
}

TEST_CASE("a local result set of one row is this") {
  byte_buffer out;
  append_text_result_set(out, 1, {{"a"}, {{"x"}}}, 2, 0, plain);
  CHECK(out ==
        test::from_hex("01 00 00 01 01"
                       "17 00 00 02 03 64 65 66 00 00 00 01 61 00 0c 2d 00 00 08 00 00 fd 01 00 1f 00 00"
                       "05 00 00 03 fe 00 00 02 00"
                       "02 00 00 04 01 78"
                       "05 00 00 05 fe 00 00 02 00"));
}

TEST_CASE("a local result set has integers and NULLs in it") {
  byte_buffer out;
  append_text_result_set(out, 1, {{{"n", true}, "t"}, {{"7", std::nullopt}}}, 2, 0, plain);
  CHECK(out ==
        test::from_hex("01 00 00 01 02"
                       "17 00 00 02 03 64 65 66 00 00 00 01 6e 00 0c 3f 00 15 00 00 00 08 81 00 00 00 00"
                       "17 00 00 03 03 64 65 66 00 00 00 01 74 00 0c 2d 00 00 08 00 00 fd 00 00 1f 00 00"
                       "05 00 00 04 fe 00 00 02 00"
                       "03 00 00 05 01 37 fb"
                       "05 00 00 06 fe 00 00 02 00"));
}

TEST_CASE("a local result set of a prepared statement has its values in binary") {
  text_result_set set{{{"n", true}, "t", {"l", {{}, 63, 1, 3, 0x81, 0, {}, {}, {}}}, {"d", {{}, 63, 21, 5}}},
                      {{"-2", "x", "7", "1.5"}, {std::nullopt, "", std::nullopt, "-0"}}};
  byte_buffer out;
  append_text_result_set(out, 1, set, 2, 0, plain, row_form::binary);
  response_tracker tracker;
  tracker.start(command::stmt_execute, plain);
  REQUIRE(tracker.feed(out).has_value());
  CHECK(tracker.current() == response_tracker::state::complete);
  CHECK(tracker.rows() == 2);
  const auto rows = test::from_hex("18 00 00 07 00 00 fe ff ff ff ff ff ff ff 01 78 07 00 00 00"
                                   "00 00 00 00 00 00 f8 3f"
                                   "0b 00 00 08 00 14 00 00 00 00 00 00 00 00 80"
                                   "05 00 00 09 fe 00 00 02 00");
  REQUIRE(out.size() > rows.size());
  CHECK(byte_buffer(out.end() - static_cast<std::ptrdiff_t>(rows.size()), out.end()) == rows);
}

TEST_CASE("a server's row has the values that were announced, or is refused") {
  const auto row = parse_text_row(test::from_hex("03 61 62 63 fb 00"), 3);
  REQUIRE(row.has_value());
  CHECK(*row == text_row{"abc", std::nullopt, ""});
  CHECK(parse_text_row({}, 0).has_value());
  for (const std::uint64_t announced : {std::uint64_t{2}, std::uint64_t{4}, std::uint64_t{1} << 62})
    CHECK(parse_text_row(test::from_hex("03 61 62 63 fb 00"), announced).error() == errc::malformed_packet);
  CHECK(parse_text_row(test::from_hex("04 61 62 63"), 1).error() == errc::malformed_packet);
}
