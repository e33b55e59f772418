#include "proxy/net/rx_buffer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

using holdwater::proxy::rx_buffer;

TEST_CASE("what is received comes out in order, whatever the sizes of reads and takes") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  rx_buffer buffer;
  std::uint8_t next_in = 0, next_out = 0;
  for (int turn = 0; turn < 20'000; ++turn) {
    const auto room = buffer.room();
    const auto count = std::min<std::size_t>(room.size(), random() % 3000);
    for (std::size_t at = 0; at < count; ++at) room[at] = next_in++;
    buffer.commit(count);
    const auto taken = buffer.empty() ? 0 : random() % (buffer.size() + 1);
    for (std::size_t at = 0; at < taken; ++at) REQUIRE(buffer.bytes()[at] == next_out++);
    buffer.consume(taken);
    REQUIRE(buffer.size() <= rx_buffer::large_size);
  }
}

TEST_CASE("a buffer at its limit has no room until something is consumed") {
  rx_buffer buffer;
  while (!buffer.at_limit()) buffer.commit(buffer.room().size());
  CHECK(buffer.size() == rx_buffer::large_size);
  CHECK(buffer.room().empty());
  buffer.consume(1);
  CHECK(buffer.room().size() == 1);
}

TEST_CASE("an empty buffer gives its block back and takes another when it is needed") {
  rx_buffer buffer;
  buffer.commit(std::min<std::size_t>(10, buffer.room().size()));
  buffer.consume(10);
  buffer.release();
  CHECK(buffer.empty());
  CHECK(buffer.room().size() == rx_buffer::small_size);
}
