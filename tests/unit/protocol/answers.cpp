#include "tests/unit/protocol/answers.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <random>
#include <stdexcept>

namespace holdwater::protocol::test {
namespace {

class loader {
 public:
  void line(const std::string& word, const std::string& value) {
    if (word == "answer")
      begin(value);
    else if (word == "command")
      now().to = static_cast<command>(std::stoul(value, nullptr, 16));
    else if (word == "capabilities")
      now().negotiated = std::stoull(value, nullptr, 16);
    else if (word == "rows")
      now().rows = std::stoull(value);
    else if (word == "ending")
      now().ending = value;
    else if (word == "packet")
      packet(from_hex(value));
    else if (word == "file")
      after_file_ = true;
    else
      FAIL("unknown word in the recorded answers: ", word);
  }
  std::vector<answer> take() { return std::move(answers_); }

 private:
  answer& now() { return answers_.back(); }
  void begin(const std::string& name) {
    answers_.push_back({});
    now().name = name;
    after_file_ = false;
  }
  void packet(const byte_buffer& bytes) {
    byte_buffer& part = after_file_ ? now().after_file : now().bytes;
    part.insert(part.end(), bytes.begin(), bytes.end());
    now().last_sequence = bytes.at(3);
  }

  std::vector<answer> answers_;
  bool after_file_ = false;
};

} // namespace

byte_buffer from_hex(std::string_view text) {
  byte_buffer out;
  std::string digits;
  for (const char letter : text) {
    if (letter == ' ' || letter == '\n') continue;
    digits += letter;
    if (digits.size() < 2) continue;
    out.push_back(static_cast<std::uint8_t>(std::stoul(digits, nullptr, 16)));
    digits.clear();
  }
  if (!digits.empty()) throw std::invalid_argument("half a byte in hex"); // also runs before main()
  return out;
}

std::uint32_t test_seed() {
  const char* given = std::getenv("HOLDWATER_TEST_SEED");
  const std::uint32_t seed =
      given != nullptr ? static_cast<std::uint32_t>(std::stoul(given)) : std::random_device{}();
  MESSAGE("HOLDWATER_TEST_SEED=", seed);
  return seed;
}

std::vector<answer> load_answers(const std::string& flavour) {
  std::ifstream file(std::string(HOLDWATER_PROTOCOL_TEST_DATA) + "/" + flavour + ".answers");
  REQUIRE(file.is_open());
  loader loader;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    const std::size_t blank = line.find(' ');
    loader.line(line.substr(0, blank), blank == std::string::npos ? "" : line.substr(blank + 1));
  }
  return loader.take();
}

} // namespace holdwater::protocol::test
