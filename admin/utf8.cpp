#include "admin/utf8.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdint>

namespace holdwater::admin {
namespace {

// One row of the Unicode Standard's table of well-formed sequences: the range of the first byte, of the
// second, and how many bytes there are. Third and fourth bytes are always 80..BF.
struct form {
  std::uint8_t first_least, first_most, second_least, second_most;
  std::size_t size;
};
constexpr std::array<form, 9> forms{{{0x00, 0x7f, 0, 0, 1},
                                     {0xc2, 0xdf, 0x80, 0xbf, 2},
                                     {0xe0, 0xe0, 0xa0, 0xbf, 3},
                                     {0xe1, 0xec, 0x80, 0xbf, 3},
                                     {0xed, 0xed, 0x80, 0x9f, 3},
                                     {0xee, 0xef, 0x80, 0xbf, 3},
                                     {0xf0, 0xf0, 0x90, 0xbf, 4},
                                     {0xf1, 0xf3, 0x80, 0xbf, 4},
                                     {0xf4, 0xf4, 0x80, 0x8f, 4}}};

bool within(std::uint8_t byte, std::uint8_t least, std::uint8_t most) {
  return byte >= least && byte <= most;
}

bool matches(const form& f, std::string_view bytes) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  if (bytes.size() < f.size || !within(at(0), f.first_least, f.first_most)) return false;
  if (f.size > 1 && !within(at(1), f.second_least, f.second_most)) return false;
  for (std::size_t i = 2; i < f.size; ++i)
    if (!within(at(i), 0x80, 0xbf)) return false;
  return true;
}

// The length of the character at the front, 0 when there is none.
std::size_t character(std::string_view bytes) {
  for (const auto& f : forms)
    if (matches(f, bytes)) return f.size;
  return 0;
}

} // namespace

std::string printable(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    const auto size = character(bytes);
    if (size != 0) {
      out += bytes.substr(0, size);
    } else {
      out += fmt::format("\\x{:02x}", static_cast<std::uint8_t>(bytes.front()));
    }
    bytes.remove_prefix(size != 0 ? size : 1);
  }
  return out;
}

} // namespace holdwater::admin
