// What an OK tells of the session, and how it is hidden from a client that did not ask for it.
#include "protocol/response_tracker.hpp"
#include "protocol/session_changes.hpp"
#include "tests/unit/protocol/answers.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace holdwater::protocol;
using kind = session_change::kind;
using state = response_tracker::state;

namespace {

constexpr capabilities tracked = cap::protocol_41 | cap::session_track;

std::string block_of(std::string_view value) {
  std::string block("\x00\x0f\x09time_zone\x04UTC0", 17);
  block += std::string("\x01\x05\x04", 3) + std::string(value);
  block += std::string("\x02\x02\x01"
                       "1",
                       4);
  return block;
}

std::vector<session_change> all_of(std::string_view block) {
  session_change_reader in(block);
  std::vector<session_change> all;
  while (const auto one = in.next()) all.push_back(*one);
  return all;
}

// What a client gets that must not see changes, when the server's bytes come in pieces.
byte_buffer shown_to_client(command to, capabilities negotiated, const byte_buffer& bytes, std::size_t first,
                            std::size_t step) {
  response_tracker tracker;
  tracker.start(to, negotiated);
  tracker.hide_changes();
  byte_buffer shown, received;
  std::size_t arrived = 0;
  std::size_t next = first;
  while (tracker.current() == state::in_progress) {
    if (received.empty() || tracker.starved()) {
      REQUIRE(arrived < bytes.size());
      const auto piece = byte_span(bytes).subspan(arrived, std::min(next, bytes.size() - arrived));
      received.insert(received.end(), piece.begin(), piece.end());
      arrived += piece.size();
      next = step;
    }
    const auto taken = tracker.feed(received);
    REQUIRE(taken.has_value());
    if (!tracker.holding())
      shown.insert(shown.end(), received.begin(), received.begin() + static_cast<std::ptrdiff_t>(*taken));
    if (tracker.shown_due()) tracker.append_shown(shown);
    received.erase(received.begin(), received.begin() + static_cast<std::ptrdiff_t>(*taken));
  }
  CHECK(arrived == bytes.size());
  return shown;
}

void check_hidden(command to, capabilities negotiated, const byte_buffer& bytes,
                  const byte_buffer& expected) {
  for (std::size_t cut = 1; cut <= bytes.size(); ++cut) {
    CAPTURE(cut);
    CHECK(shown_to_client(to, negotiated, bytes, cut, bytes.size()) == expected);
  }
  CHECK(shown_to_client(to, negotiated, bytes, 1, 1) == expected);
}

} // namespace

TEST_CASE("the changes of an OK are read one by one") {
  const auto block = block_of("test");
  const auto changes = all_of(block);
  REQUIRE(changes.size() == 3);
  CHECK(changes[0].what == kind::variable);
  CHECK(changes[0].name == "time_zone");
  CHECK(changes[0].value == "UTC0");
  CHECK(changes[1].what == kind::schema);
  CHECK(changes[1].value == "test");
  CHECK(changes[2].what == kind::state);
  CHECK(all_of(block + block).size() == 6); // of two results
}

TEST_CASE("a block that is cut gives whole changes only, and says so") {
  const auto block = block_of("test");
  for (std::size_t cut = 1; cut < block.size(); ++cut) {
    CAPTURE(cut);
    session_change_reader in(std::string_view(block).substr(0, cut));
    std::size_t whole = 0;
    while (in.next()) ++whole;
    CHECK(whole < 3);
    CHECK(in.failed() == (cut != 17 && cut != 24)); // behind a change nothing is missing
  }
}

TEST_CASE("one entry may hold several variables, and unknown kinds are passed over") {
  const std::string two("\x00\x08\x01"
                        "a"
                        "\x01"
                        "1"
                        "\x01"
                        "b"
                        "\x01"
                        "2",
                        10);
  const auto pairs = all_of(two);
  REQUIRE(pairs.size() == 2);
  CHECK(pairs[1].name == "b");
  CHECK(pairs[1].value == "2");
  CHECK(all_of(std::string("\x09\x02xx", 4) + two).size() == 2);
}

TEST_CASE("an OK without its changes is the one of a client without CLIENT_SESSION_TRACK, cut anywhere") {
  const auto block = block_of("test");
  for (const std::string_view info : {"", "Rows matched: 1"}) {
    ok_message ok{.affected_rows = 300,
                  .last_insert_id = 70000,
                  .status = 2,
                  .warnings = 1,
                  .info = info,
                  .session_state = {}};
    byte_buffer expected, bytes;
    append_ok(expected, 1, ok, cap::protocol_41);
    ok.status |= server_status::session_state_changed;
    ok.session_state = block;
    append_ok(bytes, 1, ok, tracked);
    REQUIRE(bytes != expected);
    check_hidden(command::query, tracked, bytes, expected);
    check_hidden(command::init_db, tracked, bytes, expected);
  }
}

TEST_CASE("changes are hidden in every result of several, and behind rows") {
  const auto block = block_of("other");
  const byte_buffer definition_and_rows =
      test::from_hex("01000001 01 03000002 aabbcc 02000003 0131 02000004 0132");
  for (const bool changed : {false, true}) {
    byte_buffer expected, bytes;
    for (auto* out : {&expected, &bytes}) {
      const bool tells = out == &bytes;
      ok_message ok{.affected_rows = 0,
                    .last_insert_id = 0,
                    .status = 2 | server_status::more_results_exists,
                    .warnings = 0,
                    .info = {},
                    .session_state = {}};
      const auto telling = [&](bool more) {
        ok.status = static_cast<std::uint16_t>(2 | (more ? server_status::more_results_exists : 0));
        if (tells && changed) ok.status |= server_status::session_state_changed;
        if (tells && changed) ok.session_state = block;
      };
      const capabilities theirs = (tells ? tracked : cap::protocol_41) | cap::deprecate_eof;
      out->insert(out->end(), definition_and_rows.begin(), definition_and_rows.end());
      telling(true);
      append_ok(*out, 5, ok, theirs, 0xfe);
      append_ok(*out, 6, ok, theirs);
      telling(false);
      append_ok(*out, 7, ok, theirs);
    }
    check_hidden(command::query, tracked | cap::deprecate_eof, bytes, expected);
  }
}

TEST_CASE("an OK whose changes are too long to be kept still reaches the client") {
  const std::string block(std::size_t{3} << 20, '\x07');
  ok_message ok{.affected_rows = 5,
                .last_insert_id = 0,
                .status = 2,
                .warnings = 0,
                .info = "text",
                .session_state = {}};
  byte_buffer expected, bytes;
  append_ok(expected, 1, ok, cap::protocol_41);
  ok.status |= server_status::session_state_changed;
  ok.session_state = block;
  append_ok(bytes, 1, ok, tracked);
  CHECK(shown_to_client(command::query, tracked, bytes, 16384, 65536) == expected);
}

TEST_CASE("rows and a telling OK that are there together are told apart") {
  const byte_buffer rows = test::from_hex("01000001 01 03000002 aabbcc 02000003 0131");
  const auto block = block_of("test");
  const capabilities theirs = tracked | cap::deprecate_eof;
  byte_buffer bytes = rows;
  append_ok(bytes, 4,
            {.status = 2 | server_status::session_state_changed, .info = {}, .session_state = block}, theirs,
            0xfe);
  response_tracker tracker;
  tracker.start(command::query, theirs);
  tracker.hide_changes();
  CHECK(tracker.feed(bytes).value() == rows.size());
  CHECK(tracker.before_telling());
  CHECK_FALSE(tracker.holding());
  CHECK(tracker.feed(byte_span(bytes).subspan(rows.size())).value() == bytes.size() - rows.size());
  CHECK(tracker.shown_due());
  CHECK(tracker.current() == state::complete);
  CHECK(tracker.session_state() == block);
}

TEST_CASE("an OK with nothing to hide passes as it is") {
  byte_buffer bytes;
  append_ok(bytes, 1, {.affected_rows = 1, .status = 2, .info = "text", .session_state = {}}, tracked);
  response_tracker tracker;
  tracker.start(command::query, tracked);
  tracker.hide_changes();
  CHECK(tracker.feed(bytes).value() == bytes.size());
  CHECK_FALSE(tracker.holding());
  CHECK(tracker.current() == state::complete);
}
