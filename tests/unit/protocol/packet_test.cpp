// Framing and the encodings of integers and strings.
#include "protocol/packet.hpp"
#include "tests/unit/protocol/answers.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace holdwater::protocol;

TEST_CASE("a length-encoded integer has the size that its value needs, and reads back") {
  struct row {
    std::uint64_t value;
    const char* hex;
  };
  for (const row& each : {row{0, "00"}, row{0xfa, "fa"}, row{0xfb, "fc fb 00"}, row{0xffff, "fc ff ff"},
                          row{0x10000, "fd 00 00 01"}, row{0xffffff, "fd ff ff ff"},
                          row{0x1000000, "fe 00 00 00 01 00 00 00 00"},
                          row{std::numeric_limits<std::uint64_t>::max(), "fe ff ff ff ff ff ff ff ff"}}) {
    INFO(each.hex);
    byte_buffer out;
    payload_writer(out).lenenc_integer(each.value);
    CHECK(out == test::from_hex(each.hex));
    payload_reader in(out);
    CHECK(in.lenenc_integer() == each.value);
    CHECK_FALSE(in.failed());
    CHECK(in.remaining() == 0);
    for (std::size_t cut = 0; cut < out.size(); ++cut) {
      payload_reader truncated(byte_span(out).first(cut));
      CHECK(truncated.lenenc_integer() == 0);
      CHECK(truncated.failed());
    }
  }
}

TEST_CASE("an integer of every width reads back") {
  for (std::size_t width = 1; width <= 8; ++width) {
    const std::uint64_t value = 0x8877665544332211ULL >> (8 * (8 - width));
    byte_buffer out;
    payload_writer(out).integer(value, width);
    CHECK(out.size() == width);
    CHECK(payload_reader(out).integer(width) == value);
  }
}

TEST_CASE("NULL and the error byte are no length-encoded integers") {
  for (const char* hex : {"fb", "ff"}) {
    const byte_buffer bytes = test::from_hex(hex);
    payload_reader in(bytes);
    CHECK(in.lenenc_integer() == 0);
    CHECK(in.failed());
  }
}

TEST_CASE("a string longer than the payload fails, and everything after it") {
  for (const char* hex : {"05 61 62", "fe ff ff ff ff ff ff ff ff 61"}) {
    const byte_buffer bytes = test::from_hex(hex);
    payload_reader in(bytes);
    CHECK(in.lenenc_string().empty());
    CHECK(in.failed());
    CHECK(in.remaining() == 0);
    CHECK(in.rest().empty());
    CHECK(in.integer(1) == 0);
    CHECK(in.null_terminated_string().empty());
  }
}

TEST_CASE("a string without its zero byte fails") {
  const byte_buffer bytes = test::from_hex("61 62");
  payload_reader in(bytes);
  CHECK(in.null_terminated_string().empty());
  CHECK(in.failed());
}

TEST_CASE("strings of each kind read back") {
  byte_buffer out;
  payload_writer writer(out);
  writer.lenenc_string("one");
  writer.null_terminated_string("two");
  writer.zeros(2);
  writer.bytes(std::string_view("three"));
  payload_reader in(out);
  CHECK(in.lenenc_string() == "one");
  CHECK(in.null_terminated_string() == "two");
  in.skip(2);
  CHECK(in.rest() == "three");
  CHECK_FALSE(in.failed());
}

TEST_CASE("a message is split at 0xffffff bytes and ends with a shorter packet") {
  struct row {
    std::size_t size;
    std::vector<std::size_t> parts;
  };
  const std::size_t full = max_packet_payload;
  for (const row& each : {row{0, {0}}, row{full - 1, {full - 1}}, row{full, {full, 0}},
                          row{full + 1, {full, 1}}, row{2 * full, {full, full, 0}}}) {
    const byte_buffer payload(each.size, 0x61);
    byte_buffer out;
    const std::uint8_t next = append_message(out, 0xff, payload); // sequence ids wrap
    CHECK(next == static_cast<std::uint8_t>(0xff + each.parts.size()));
    std::size_t at = 0;
    for (std::size_t part = 0; part < each.parts.size(); ++part) {
      const packet_header header = read_packet_header(out.data() + at);
      CHECK(header.payload_size == each.parts[part]);
      CHECK(header.sequence == static_cast<std::uint8_t>(0xff + part));
      at += packet_header_size + header.payload_size;
    }
    CHECK(at == out.size());
  }
}
