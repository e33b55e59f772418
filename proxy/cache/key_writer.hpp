// Builds the key of a cached answer from its parts: each with its length before it, so that no two lists of
// parts make the same key.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace holdwater::proxy {

class key_writer {
 public:
  // Writes over `out`, whose memory is used again.
  explicit key_writer(std::string& out) : out_(out) { out_.clear(); }

  void text(std::string_view part) {
    number(part.size(), 4);
    out_.append(part);
  }
  void number(std::uint64_t value, unsigned width = 8) {
    char bytes[8];
    for (unsigned at = 0; at < sizeof bytes; ++at) bytes[at] = static_cast<char>(value >> (8 * at));
    out_.append(bytes, width);
  }

 private:
  std::string& out_;
};

} // namespace holdwater::proxy
