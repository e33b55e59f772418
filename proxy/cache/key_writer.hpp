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
    for (unsigned byte = 0; byte < width; ++byte) out_ += static_cast<char>(value >> (8 * byte));
  }

 private:
  std::string& out_;
};

} // namespace holdwater::proxy
