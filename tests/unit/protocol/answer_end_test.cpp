// Where EOF and OK have their status and count of warnings.
#include "protocol/answer_end.hpp"
#include "protocol/messages.hpp"

#include <doctest/doctest.h>

using namespace holdwater::protocol;

namespace {

std::uint64_t at(byte_span payload, std::size_t where) {
  return static_cast<std::uint64_t>(payload[where] | payload[where + 1] << 8);
}

void check(const byte_buffer& packet) {
  const auto payload = byte_span(packet).subspan(packet_header_size);
  const auto found = find_answer_end(payload);
  REQUIRE(found);
  CHECK(at(payload, found->status) == 0x0822);
  CHECK(at(payload, found->warnings) == 7);
}

} // namespace

TEST_CASE("status and warnings are found in an EOF and in an OK, whatever else that says") {
  byte_buffer eof;
  append_eof(eof, 1, {7, 0x0822});
  check(eof);
  CHECK(is_eof(byte_span(eof).subspan(packet_header_size)));
  for (const std::uint64_t rows : {0ULL, 250ULL, 300ULL, 70'000ULL, 1ULL << 40})
    for (const char* info : {"", "Rows matched: 1"}) {
      byte_buffer ok;
      append_ok(ok, 1,
                {.affected_rows = rows,
                 .last_insert_id = rows,
                 .status = 0x0822,
                 .warnings = 7,
                 .info = info,
                 .session_state = {}},
                cap::protocol_41 | cap::deprecate_eof, 0xfe);
      check(ok);
      CHECK(!is_eof(byte_span(ok).subspan(packet_header_size)));
    }
}

TEST_CASE("what is too short for either has no such places") {
  const std::uint8_t ok[] = {0xfe, 0xfc, 0x01, 0x00, 0x00, 0x22, 0x08, 0x07, 0x00};
  for (std::size_t size = 0; size < sizeof ok; ++size) {
    if (size == 5) continue; // that would be an EOF
    CHECK(!find_answer_end(byte_span(ok, size)));
  }
  CHECK(find_answer_end(byte_span(ok)));
}
