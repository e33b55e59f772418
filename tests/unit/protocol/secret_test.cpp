#include "protocol/secret.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace holdwater::protocol;

TEST_CASE("a wiped text is empty, and its memory holds nothing of it") {
  for (const std::size_t size : {3, 15, 16, 500}) {
    std::string text(size, 'x');
    text.resize(size / 2); // what is behind the end counts too
    wipe(text);
    CHECK(text.empty());
    const auto room = text.capacity();
    text.resize(room, '.');
    CHECK(std::ranges::none_of(text, [](char c) { return c == 'x'; }));
  }
}

TEST_CASE("a wiped buffer is empty, and its memory holds nothing of it") {
  byte_buffer bytes(100, 7);
  const auto* const at = bytes.data();
  wipe(bytes);
  CHECK(bytes.empty());
  bytes.reserve(100); // has the room still, so nothing moves
  CHECK(bytes.data() == at);
}

TEST_CASE("a secret leaves nothing in the text that it was made of, nor in one that it was moved from") {
  std::string text = "a password that is longer than what fits into a string itself";
  secret first(std::move(text));
  CHECK(text.empty()); // NOLINT(bugprone-use-after-move): what a secret promises
  const secret second(std::move(first));
  CHECK(first.empty()); // NOLINT(bugprone-use-after-move)
  CHECK(second.text().starts_with("a password"));
  const secret copy(second);
  CHECK(copy.text() == second.text());
}
