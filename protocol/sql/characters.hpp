// What each byte may be to the scanner, in one table.
//
// Source: MySQL "Schema Object Names": letters, digits, '_', '$' and everything from 0x80 on make names.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace holdwater::protocol::sql {

namespace byte_class {
inline constexpr std::uint8_t blank = 1;
inline constexpr std::uint8_t digit = 2;
inline constexpr std::uint8_t name = 4; // digits too
inline constexpr std::uint8_t hex = 8;
} // namespace byte_class

constexpr std::uint8_t class_of(unsigned byte) {
  const bool digit = byte >= '0' && byte <= '9';
  const bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
  const bool hex = digit || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
  const bool blank = byte == ' ' || (byte >= 9 && byte <= 13);
  const bool name = digit || letter || byte == '_' || byte == '$' || byte >= 0x80;
  return static_cast<std::uint8_t>((blank ? byte_class::blank : 0) | (digit ? byte_class::digit : 0) |
                                   (name ? byte_class::name : 0) | (hex ? byte_class::hex : 0));
}

constexpr std::array<std::uint8_t, 256> make_byte_classes() {
  std::array<std::uint8_t, 256> table{};
  for (unsigned byte = 0; byte < table.size(); ++byte) table[byte] = class_of(byte);
  return table;
}
inline constexpr auto byte_classes = make_byte_classes();

[[nodiscard]] inline bool is_class(char c, std::uint8_t wanted) {
  return (byte_classes[static_cast<unsigned char>(c)] & wanted) != 0;
}
[[nodiscard]] inline bool is_blank(char c) {
  return is_class(c, byte_class::blank);
}
[[nodiscard]] inline bool is_digit(char c) {
  return is_class(c, byte_class::digit);
}
[[nodiscard]] inline bool is_name(char c) {
  return is_class(c, byte_class::name);
}
[[nodiscard]] inline bool is_hex(char c) {
  return is_class(c, byte_class::hex);
}

[[nodiscard]] constexpr char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
}
// Of words whose letters are ASCII, whatever the locale, which would cost more than all the rest.
[[nodiscard]] inline bool iequals(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return upper(x) == upper(y); });
}
[[nodiscard]] inline bool istarts_with(std::string_view text, std::string_view start) {
  return iequals(text.substr(0, start.size()), start);
}

[[nodiscard]] inline bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c); });
}
// Read alike in every character set that a client may speak.
[[nodiscard]] inline bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

} // namespace holdwater::protocol::sql
