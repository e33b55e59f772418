#include "protocol/sql/charset.hpp"

#include "protocol/sql/characters.hpp"

namespace holdwater::protocol::sql {
namespace {

bool is_high(char c) {
  return static_cast<unsigned char>(c) >= 0x80;
}

// Of two or three bytes; 0: it is neither.
std::size_t utf8_size(std::string_view from) {
  const auto byte = [&](std::size_t at) {
    return at < from.size() ? static_cast<unsigned char>(from[at]) : 0U;
  };
  const auto follows = [&](std::size_t at) { return (byte(at) & 0xc0U) == 0x80U; };
  if (byte(0) >= 0xc2 && byte(0) <= 0xdf) return follows(1) ? 2 : 0;
  if (byte(0) < 0xe0 || byte(0) > 0xef || !follows(1) || !follows(2)) return 0;
  const bool too_long = byte(0) == 0xe0 && byte(1) < 0xa0;
  const bool surrogate = byte(0) == 0xed && byte(1) >= 0xa0;
  return too_long || surrogate ? 0 : 3;
}

std::size_t euc_size(std::string_view from) {
  const auto fits = [](char c) { return in_range(static_cast<unsigned char>(c), 0xa1, 0xfe); };
  return from.size() > 1 && fits(from[0]) && fits(from[1]) ? 2 : 0;
}

// 0: what is there is no character.
std::size_t high_character_size(dialect::charset set, std::string_view from) {
  if (set == dialect::charset::utf8) return utf8_size(from);
  if (set == dialect::charset::euc) return euc_size(from);
  if (set >= dialect::charset::blank_a0) return 1;
  const auto size = character_size(set, from.data(), from.data() + from.size());
  const bool katakana =
      set == dialect::charset::sjis && in_range(static_cast<unsigned char>(from[0]), 0xa1, 0xdf);
  return size > 1 || katakana ? size : 0;
}

} // namespace

bool is_ill_formed(dialect::charset set, std::string_view name) {
  if (is_ascii(name)) return false;
  while (!name.empty()) {
    const auto size = is_high(name.front()) ? high_character_size(set, name) : 1;
    if (size == 0) return true;
    name.remove_prefix(size);
  }
  return false;
}

} // namespace holdwater::protocol::sql
