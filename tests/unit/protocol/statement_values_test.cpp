#include "protocol/statement_values.hpp"

#include "protocol/messages.hpp"
#include "protocol/response_tracker.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <string>

using namespace holdwater::protocol;
using kind = bound_value::kind;

namespace {

byte_buffer bytes(std::initializer_list<int> values) {
  byte_buffer out;
  for (const int value : values) out.push_back(static_cast<std::uint8_t>(value));
  return out;
}

// as in the header
const byte_buffer two_values = bytes({0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 0, 0xfd, 0, 0x2a, 0, 0, 0});

// A value of each type with its encoding in the packet.
struct sample {
  int type;
  byte_buffer encoded;
  std::size_t size; // of the value itself
};
const sample samples[] = {
    {1, bytes({7}), 1},
    {2, bytes({7, 0}), 2},
    {13, bytes({0xe8, 7}), 2},
    {3, bytes({7, 0, 0, 0}), 4},
    {9, bytes({7, 0, 0, 0}), 4},
    {4, bytes({0, 0, 0x80, 0x3f}), 4},
    {8, bytes({1, 2, 3, 4, 5, 6, 7, 8}), 8},
    {5, bytes({1, 2, 3, 4, 5, 6, 7, 8}), 8},
    {10, bytes({4, 0xe8, 7, 2, 29}), 4},
    {12, bytes({7, 0xe8, 7, 2, 29, 1, 2, 3}), 7},
    {7, bytes({11, 0xe8, 7, 2, 29, 1, 2, 3, 4, 0, 0, 0}), 11},
    {11, bytes({0}), 0},
    {0, bytes({3, '1', '.', '5'}), 3},
    {16, bytes({1, 5}), 1},
    {242, bytes({4, 0, 0, 0, 0}), 4},
    {244, bytes({1}), 1},
    {245, bytes({2, '{', '}'}), 2},
    {246, bytes({1, '1'}), 1},
    {247, bytes({1, 'a'}), 1},
    {248, bytes({1, 'a'}), 1},
    {249, bytes({1, 'a'}), 1},
    {252, bytes({0xfc, 3, 0, 'a', 'b', 'c'}), 3},
    {253, bytes({0}), 0},
    {254, bytes({1, 'x'}), 1},
    {255, bytes({1, 'x'}), 1},
};

} // namespace

TEST_CASE("the values of an execute are read by their types") {
  const auto rows = read_values(two_values, 2, {}, 0, {});
  REQUIRE(rows.has_value());
  REQUIRE(rows->size() == 1);
  const auto& row = rows->front();
  CHECK(row[0].what == kind::value);
  CHECK(row[0].type == 3);
  CHECK(row[0].bytes == std::string_view("\x2a\0\0\0", 4));
  CHECK(row[1].what == kind::null);
  CHECK(row[1].type == 253);
}

TEST_CASE("every type is read, and what follows it is found") {
  for (const auto& one : samples) {
    CAPTURE(one.type);
    auto packet = bytes({0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, one.type, 0x80, 1, 0});
    packet.insert(packet.end(), one.encoded.begin(), one.encoded.end());
    packet.push_back(99); // a TINY
    const auto rows = read_values(packet, 2, {}, 0, {});
    REQUIRE(rows.has_value());
    CHECK(rows->front()[0].bytes.size() == one.size);
    CHECK(rows->front()[0].is_unsigned);
    CHECK(rows->front()[1].bytes == "c");
    CHECK_FALSE(rows->front()[1].is_unsigned);
  }
}

TEST_CASE("an execute that is cut anywhere is refused") {
  for (std::size_t size = 0; size < two_values.size(); ++size)
    CHECK_FALSE(read_values(byte_span(two_values).first(size), 2, {}, 0, {}).has_value());
}

TEST_CASE("a type that is not known is told from a packet that is cut") {
  const auto packet = bytes({0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 200, 0, 1});
  CHECK(read_values(packet, 1, {}, 0, {}).error() == errc::unknown_type);
}

TEST_CASE("types that were sent before serve an execute without them") {
  const auto again = bytes({0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0});
  const auto rows = read_values(again, 1, bytes({3, 0x80}), 0, {});
  REQUIRE(rows.has_value());
  CHECK(rows->front()[0].type == 3);
  CHECK(rows->front()[0].is_unsigned);
  CHECK_FALSE(read_values(again, 1, {}, 0, {}).has_value());
}

TEST_CASE("long data has no bytes in the execute") {
  const auto packet = bytes({0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0xfc, 0, 1, 0, 9});
  const auto rows = read_values(packet, 2, {}, 0, {true});
  REQUIRE(rows.has_value());
  CHECK(rows->front()[0].what == kind::elsewhere);
  CHECK(rows->front()[0].type == 0xfc);
  CHECK(rows->front()[1].bytes == "\x09");
}

TEST_CASE("query attributes behind the parameters are passed over") {
  const auto packet =
      bytes({0x17, 1, 0, 0, 0, 8, 1, 0, 0, 0, 2, 0, 1, 3, 0, 0, 0xfd, 0, 1, 'n', 42, 0, 0, 0, 1, 'v'});
  const auto rows = read_values(packet, 1, {}, cap::query_attributes, {});
  REQUIRE(rows.has_value());
  REQUIRE(rows->front().size() == 1);
  CHECK(rows->front()[0].bytes.size() == 4);
}

TEST_CASE("a bulk execute has a row for each repetition") {
  const auto packet = bytes({0xfa, 1, 0, 0, 0,   0x80, 0, 1, 0, 0xfd, 0, //
                             0,    7, 0, 1, 'a', 1,    2, 3, 0, 0});
  const auto rows = read_values(packet, 2, {}, 0, {});
  REQUIRE(rows.has_value());
  REQUIRE(rows->size() == 3);
  CHECK((*rows)[0][0].bytes == "\x07");
  CHECK((*rows)[0][1].bytes == "a");
  CHECK((*rows)[1][0].what == kind::null);
  CHECK((*rows)[1][1].what == kind::by_default);
  CHECK((*rows)[2][0].what == kind::ignored);
  CHECK((*rows)[2][1].bytes.empty());
  for (std::size_t size = 0; size < packet.size(); ++size)
    if (size != 16 && size != 18) // where a row ends
      CHECK_FALSE(read_values(byte_span(packet).first(size), 2, {}, 0, {}).has_value());
}

TEST_CASE("the answer to a prepare is what the parser of servers' answers understands") {
  for (const capabilities negotiated : {capabilities{0}, cap::deprecate_eof, cap::optional_resultset_metadata,
                                        cap::mariadb_extended_metadata | cap::deprecate_eof}) {
    for (const auto& [parameters, columns] : {std::pair<std::uint16_t, text_result_set>{0, {}},
                                              {1, {}},
                                              {300, {}},
                                              {0, {{"a", {"b", true}}, {}}},
                                              {2, {{"a"}, {}}}}) {
      byte_buffer out;
      append_prepared(out, 1, 7, parameters, columns, 2, negotiated | cap::protocol_41);
      response_tracker tracker;
      tracker.start(command::stmt_prepare, negotiated | cap::protocol_41);
      const auto taken = tracker.feed(out);
      REQUIRE(taken);
      CHECK(*taken == out.size());
      CHECK(tracker.current() == response_tracker::state::complete);
      CHECK(tracker.statement_id() == 7);
      CHECK(tracker.parameter_count() == parameters);
    }
  }
}
