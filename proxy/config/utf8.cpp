#include "proxy/config/utf8.hpp"

#include <cstdint>

namespace holdwater::proxy {
namespace {

// The character that a first byte announces: how many bytes, and the range of the second one, which excludes
// what is too long, surrogates, and what lies behind U+10FFFF.
struct announced {
  std::size_t size;
  std::uint8_t least;
  std::uint8_t most;
};

announced announced_by(std::uint8_t first) {
  if (first < 0x80) return {1, 0, 0};
  if (first < 0xc2) return {0, 0, 0};
  if (first < 0xe0) return {2, 0x80, 0xbf};
  if (first < 0xf0)
    return {3, static_cast<std::uint8_t>(first == 0xe0 ? 0xa0 : 0x80),
            static_cast<std::uint8_t>(first == 0xed ? 0x9f : 0xbf)};
  if (first < 0xf5)
    return {4, static_cast<std::uint8_t>(first == 0xf0 ? 0x90 : 0x80),
            static_cast<std::uint8_t>(first == 0xf4 ? 0x8f : 0xbf)};
  return {0, 0, 0};
}

// 0 when there is none.
std::size_t character_size(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const auto wanted = announced_by(byte(0));
  if (wanted.size > text.size()) return 0;
  if (wanted.size > 1 && (byte(1) < wanted.least || byte(1) > wanted.most)) return 0;
  for (std::size_t i = 2; i < wanted.size; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  return wanted.size;
}

} // namespace

std::size_t find_bad_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto size = character_size(text.substr(at));
    if (size == 0) return at;
    at += size;
  }
  return std::string_view::npos;
}

} // namespace holdwater::proxy
