// How many bytes the character at `at` has in a client character set whose second bytes may look like ASCII.
//
// Invariant: the answer is at least 1 and never reaches behind `end`. A first byte without a valid follower
// counts as one byte, as the server's own scanner treats it.
//
// Source: MySQL "Asian Character Sets"; the byte ranges are in the comments of `dialect::charset`.
#pragma once

#include "protocol/sql/analysis.hpp"

#include <cstddef>
#include <string_view>

namespace holdwater::protocol::sql {

[[nodiscard]] inline bool in_range(unsigned char byte, unsigned low, unsigned high) {
  return byte >= low && byte <= high;
}

[[nodiscard]] inline std::size_t sjis_size(unsigned char first, unsigned char second) {
  const bool lead = in_range(first, 0x81, 0x9f) || in_range(first, 0xe0, 0xfc);
  return lead && (in_range(second, 0x40, 0x7e) || in_range(second, 0x80, 0xfc)) ? 2 : 1;
}

[[nodiscard]] inline std::size_t big5_size(unsigned char first, unsigned char second) {
  const bool lead = in_range(first, 0xa1, 0xf9);
  return lead && (in_range(second, 0x40, 0x7e) || in_range(second, 0xa1, 0xfe)) ? 2 : 1;
}

[[nodiscard]] inline std::size_t gbk_size(unsigned char first, unsigned char second) {
  const bool lead = in_range(first, 0x81, 0xfe);
  return lead && (in_range(second, 0x40, 0x7e) || in_range(second, 0x80, 0xfe)) ? 2 : 1;
}

[[nodiscard]] inline std::size_t gb18030_size(const unsigned char* at, std::size_t left) {
  const bool four = left >= 4 && in_range(at[0], 0x81, 0xfe) && in_range(at[1], 0x30, 0x39) &&
                    in_range(at[2], 0x81, 0xfe) && in_range(at[3], 0x30, 0x39);
  return four ? 4 : gbk_size(at[0], at[1]);
}

[[nodiscard]] inline std::size_t character_size(dialect::charset set, const char* at, const char* end) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(at);
  const auto left = static_cast<std::size_t>(end - at);
  if (set <= dialect::charset::euc || bytes[0] < 0x80 || left < 2) return 1;
  switch (set) {
  case dialect::charset::utf8:
  case dialect::charset::euc:
  case dialect::charset::blank_a0:
  case dialect::charset::blank_9a:
  case dialect::charset::blank_ff:
  case dialect::charset::blank_ca: return 1;
  case dialect::charset::sjis: return sjis_size(bytes[0], bytes[1]);
  case dialect::charset::big5: return big5_size(bytes[0], bytes[1]);
  case dialect::charset::gbk: return gbk_size(bytes[0], bytes[1]);
  case dialect::charset::gb18030: return gb18030_size(bytes, left);
  }
  return 1;
}

// Whether a name in it is another one, or may be, than its bytes say: MySQL leaves out of a name what is no
// character, and cannot tell apart those beyond the basic plane. (MariaDB refuses both.)
[[nodiscard]] bool is_ill_formed(dialect::charset set, std::string_view name);

// The byte beyond ASCII that the server takes for white space; 0: none.
[[nodiscard]] inline char high_blank(dialect::charset set) {
  switch (set) {
  case dialect::charset::blank_a0: return '\xa0';
  case dialect::charset::blank_9a: return '\x9a';
  case dialect::charset::blank_ff: return '\xff';
  case dialect::charset::blank_ca: return '\xca';
  default: return '\0';
  }
}

} // namespace holdwater::protocol::sql
