// The packets in bytes that come in pieces: whose header is where, and where a message begins.
#include "protocol/frame_follower.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace holdwater::protocol;

namespace {

// "begins" and sequence id of each header; the bytes in pieces of `step`.
std::string headers_in(byte_span bytes, std::size_t step) {
  frame_follower follower;
  std::string seen;
  for (; !bytes.empty(); bytes = bytes.subspan(std::min(step, bytes.size())))
    follower.follow(bytes.first(std::min(step, bytes.size())),
                    [&](const std::uint8_t& sequence, bool begins) {
                      seen += (begins ? "begins " : "goes on ") + std::to_string(sequence) + ", ";
                    });
  return seen + (follower.at_message_start() ? "start" : "middle");
}

} // namespace

TEST_CASE("each header is seen, however the bytes are cut") {
  byte_buffer bytes;
  append_message(bytes, 0, as_bytes("first"));
  append_message(bytes, 1, {});
  append_message(bytes, 255, as_bytes("third"));
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    CHECK(headers_in(bytes, step) == "begins 0, begins 1, begins 255, start");
    CHECK(headers_in(byte_span(bytes).first(bytes.size() - 1), step) ==
          "begins 0, begins 1, begins 255, middle");
  }
}

TEST_CASE("a message of several packets begins once, also when the last is empty") {
  byte_buffer bytes;
  append_message(bytes, 7, byte_buffer(max_packet_payload));
  CHECK(headers_in(byte_span(bytes).first(max_packet_payload + packet_header_size), 16384) ==
        "begins 7, middle");
  CHECK(headers_in(bytes, 16384) == "begins 7, goes on 8, start");
  append_message(bytes, 0, as_bytes("next"));
  CHECK(headers_in(bytes, 99999) == "begins 7, goes on 8, begins 0, start");
}

TEST_CASE("a sequence id can be changed where it lies") {
  byte_buffer bytes;
  append_message(bytes, 5, as_bytes("a"));
  append_message(bytes, 5, as_bytes("b"));
  frame_follower follower;
  std::uint8_t next = 1;
  const std::span<std::uint8_t> all(bytes);
  const auto count = [&](std::uint8_t& sequence, bool) { sequence = next++; };
  follower.follow(all.first(3), count);
  follower.follow(all.subspan(3), count);
  byte_buffer wanted;
  append_message(wanted, 1, as_bytes("a"));
  append_message(wanted, 2, as_bytes("b"));
  CHECK(bytes == wanted);
}
