// Real servers' answers, as tests/unit/protocol/data/record.py wrote them down.
#pragma once

#include "protocol/command.hpp"
#include "protocol/packet.hpp"

#include <string>
#include <vector>

namespace holdwater::protocol::test {

struct answer {
  std::string name;
  command to = command::sleep;
  capabilities negotiated = 0;
  std::uint64_t rows = 0;
  std::string ending;
  byte_buffer bytes;
  byte_buffer after_file; // LOCAL INFILE: what the server says when it has the file
  std::uint8_t last_sequence = 0;
};

byte_buffer from_hex(std::string_view text); // blanks are skipped
std::uint32_t test_seed();                   // HOLDWATER_TEST_SEED, or a random one; printed
std::vector<answer> load_answers(const std::string& flavour);

} // namespace holdwater::protocol::test
