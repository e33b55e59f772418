// The tracker against what real servers sent, cut in every way.
#include "protocol/response_tracker.hpp"
#include "tests/unit/protocol/answers.hpp"

#include <doctest/doctest.h>

using namespace holdwater::protocol;
using test::answer;

namespace {

using state = response_tracker::state;
using ending = response_tracker::ending;

std::string name_of_ending(ending value) {
  switch (value) {
  case ending::none: return "none";
  case ending::ok: return "ok";
  case ending::err: return "err";
  case ending::eof: return "eof";
  case ending::other: return "other";
  }
  return "?";
}

std::vector<answer> all_answers() {
  std::vector<answer> answers = test::load_answers("mariadb");
  for (answer& each : test::load_answers("mysql")) answers.push_back(std::move(each));
  return answers;
}

// Feeds the pieces and requires that every byte belongs to the answer, and that it ends with the last one
// only.
void feed_pieces(response_tracker& tracker, byte_span bytes, std::size_t cut, state end) {
  for (byte_span rest = bytes; !rest.empty();) {
    const byte_span piece = rest.first(std::min(cut, rest.size()));
    const auto taken = tracker.feed(piece);
    REQUIRE(taken.has_value());
    REQUIRE(*taken == piece.size());
    rest = rest.subspan(piece.size());
    cut = rest.size() > 0 && cut == 1 ? 1 : rest.size();
    REQUIRE((tracker.current() == state::in_progress) == !rest.empty());
  }
  REQUIRE(tracker.current() == end);
  REQUIRE(tracker.at_packet_boundary());
}

void follow(response_tracker& tracker, const answer& each, std::size_t cut) {
  tracker.start(each.to, each.negotiated);
  REQUIRE_FALSE(tracker.saw_any());
  if (each.after_file.empty()) {
    feed_pieces(tracker, each.bytes, cut, state::complete);
  } else {
    feed_pieces(tracker, each.bytes, cut, state::wants_local_file);
    tracker.resume_after_file();
    feed_pieces(tracker, each.after_file, cut, state::complete);
  }
  REQUIRE(tracker.saw_any());
  CHECK(tracker.rows() == each.rows);
  CHECK(name_of_ending(tracker.ended_by()) == each.ending);
  CHECK(tracker.next_sequence() == static_cast<std::uint8_t>(each.last_sequence + 1));
  CHECK_FALSE(tracker.in_rows());
}

} // namespace

TEST_CASE("a recorded answer that comes whole ends with its last byte") {
  response_tracker tracker;
  for (const answer& each : all_answers()) {
    INFO(each.name);
    follow(tracker, each, each.bytes.size());
  }
}

TEST_CASE("a recorded answer that comes byte by byte ends with its last byte") {
  response_tracker tracker;
  for (const answer& each : all_answers()) {
    INFO(each.name);
    follow(tracker, each, 1);
  }
}

TEST_CASE("a recorded answer that is cut at any byte ends with its last byte") {
  response_tracker tracker;
  for (const answer& each : all_answers()) {
    INFO(each.name);
    for (std::size_t cut = 2; cut < each.bytes.size(); ++cut) follow(tracker, each, cut);
  }
}

TEST_CASE("bytes behind an answer are not taken") {
  response_tracker tracker;
  for (answer each : all_answers()) {
    INFO(each.name);
    const std::size_t size = each.bytes.size();
    each.bytes.push_back(0x2a);
    tracker.start(each.to, each.negotiated);
    const auto taken = tracker.feed(each.bytes);
    REQUIRE(taken.has_value());
    CHECK(*taken == size);
    CHECK(*tracker.feed(each.bytes) == 0);
  }
}

TEST_CASE("an answer is in its rows between the metadata and the end") {
  const auto count = test::from_hex("01 00 00 01 01");
  const auto column =
      test::from_hex("17 00 00 02 03 64 65 66 00 00 00 01 31 00 0c 3f 00 01 00 00 00 03 81 00 00 00 00");
  const auto eof = test::from_hex("05 00 00 03 fe 00 00 02 00");
  response_tracker tracker;
  tracker.start(command::query, cap::protocol_41);
  REQUIRE(tracker.feed(count).has_value());
  CHECK_FALSE(tracker.in_rows());
  REQUIRE(tracker.feed(column).has_value());
  CHECK_FALSE(tracker.in_rows());
  REQUIRE(tracker.feed(eof).has_value());
  CHECK(tracker.in_rows());
  REQUIRE(tracker.feed(eof).has_value());
  CHECK_FALSE(tracker.in_rows());
  CHECK(tracker.ok().status == server_status::autocommit);
}

TEST_CASE("a prepared statement's id and counts are kept") {
  response_tracker tracker;
  for (const answer& each : all_answers()) {
    if (!each.name.starts_with("a prepared SELECT with a parameter")) continue;
    follow(tracker, each, 1);
    CHECK(tracker.statement_id() != 0);
    CHECK(tracker.parameter_count() == 1);
    CHECK(tracker.column_count() == 1);
  }
}

TEST_CASE("an error's number, state and text are kept") {
  response_tracker tracker;
  for (const answer& each : all_answers()) {
    if (!each.name.starts_with("an INSERT of a duplicate")) continue;
    follow(tracker, each, 1);
    CHECK(tracker.err().number == 1062);
    CHECK(tracker.err().sql_state == "23000");
    CHECK(tracker.err().text.starts_with("Duplicate entry '1' for key"));
  }
}

TEST_CASE("the session state of an earlier result is not lost") {
  response_tracker tracker;
  std::size_t seen = 0;
  for (const answer& each : all_answers()) {
    if (!each.name.starts_with("a USE before a SELECT") || (each.negotiated & cap::session_track) == 0)
      continue;
    follow(tracker, each, 1);
    CHECK(tracker.session_state().find("recorded") != std::string_view::npos);
    ++seen;
  }
  CHECK(seen == 2);
}

TEST_CASE("an EOF that says that the session has changed leaves it untold until an OK tells") {
  const auto packet = [](std::uint8_t sequence, const byte_buffer& payload) {
    byte_buffer out;
    append_message(out, sequence, payload);
    return out;
  };
  const auto feed_all = [](response_tracker& tracker, const std::vector<byte_buffer>& packets) {
    for (const auto& bytes : packets) REQUIRE(tracker.feed(bytes).has_value());
    CHECK(tracker.current() == response_tracker::state::complete);
  };
  const auto select = [&](std::uint16_t status) { // one column without a name, one row
    const byte_buffer end{0xfe, 0, 0, static_cast<std::uint8_t>(status),
                          static_cast<std::uint8_t>(status >> 8)};
    return std::vector{packet(1, {1}), packet(2, {3, 'd', 'e', 'f'}), packet(3, {0xfe, 0, 0, 0x02, 0}),
                       packet(4, {1, 'x'}), packet(5, end)};
  };
  using server_status::autocommit;
  using server_status::more_results_exists;
  using server_status::session_state_changed;
  constexpr auto negotiated = cap::protocol_41 | cap::session_track;

  response_tracker tracker;
  tracker.start(command::query, negotiated);
  feed_all(tracker, select(autocommit));
  CHECK_FALSE(tracker.changes_untold());
  tracker.start(command::query, negotiated);
  feed_all(tracker, select(autocommit | session_state_changed));
  CHECK(tracker.changes_untold());

  tracker.start(command::query, negotiated);
  auto several = select(autocommit | session_state_changed | more_results_exists);
  several.push_back(
      packet(6, {0, 0, 0, 0x02, 0x40, 0, 0, 0, 6, 1, 4, 3, 'n', 'e', 'w'})); // the database is "new"
  feed_all(tracker, several);
  CHECK_FALSE(tracker.changes_untold());
  tracker.start(command::query, negotiated);
  CHECK_FALSE(tracker.changes_untold());
}

TEST_CASE("an error does not hide the status that was told before it in the same answer") {
  const auto begun = test::from_hex("07 00 00 01 00 00 00 0b 00 00 00");
  const auto failed = test::from_hex("0d 00 00 02 ff 7a 04 23 34 32 53 30 32 6e 6f 6e 65");
  response_tracker tracker;
  tracker.start(command::query, cap::protocol_41);
  REQUIRE(tracker.feed(begun).has_value());
  REQUIRE(tracker.feed(failed).has_value());
  CHECK(tracker.ended_by() == response_tracker::ending::err);
  CHECK(tracker.status() == 0x000b);
  tracker.start(command::query, cap::protocol_41);
  REQUIRE(tracker.feed(failed).has_value());
  CHECK(tracker.status() == 0);
}
