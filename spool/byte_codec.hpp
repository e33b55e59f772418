// The primitives of the spool's formats: integers of variable length (seven bits to a byte, low ones first,
// the top bit says that more follow) and strings with their length before them.
//
// Invariant of the reader: it never passes the end. After the first value that does not fit it stays failed
// and hands out zeros and empty strings, so a caller checks once, at the end.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace holdwater::spool {

// A little-endian number, as a bound value has it; what lies behind the end counts as zeros.
[[nodiscard]] inline std::uint64_t little_endian(std::string_view bytes, std::size_t at, std::size_t width) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < width && at + i < bytes.size(); ++i)
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  return value;
}

inline void append_little_endian(std::string& out, std::uint64_t value, std::size_t width) {
  for (std::size_t i = 0; i < width; ++i) out += static_cast<char>(value >> (8 * i));
}

class byte_writer {
 public:
  void put_byte(std::uint8_t value) { bytes_.push_back(static_cast<char>(value)); }
  void put_int(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) put_byte(static_cast<std::uint8_t>(value | 0x80));
    put_byte(static_cast<std::uint8_t>(value));
  }
  void put_string(std::string_view value) {
    put_int(value.size());
    bytes_.append(value);
  }
  void put_fixed32(std::uint32_t value) { append_little_endian(bytes_, value, 4); }
  [[nodiscard]] std::string_view view() const { return bytes_; }
  [[nodiscard]] std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class byte_reader {
 public:
  explicit byte_reader(std::string_view bytes) : rest_(bytes) {}

  [[nodiscard]] std::uint8_t get_byte() {
    if (rest_.empty()) return fail();
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  [[nodiscard]] std::uint64_t get_int() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint64_t part = get_byte();
      if (shift == 63 && part > 1) return fail();
      value |= (part & 0x7f) << shift;
      if ((part & 0x80) == 0) return value;
    }
    return fail();
  }
  [[nodiscard]] std::string get_string() {
    const auto size = get_int();
    if (size > rest_.size()) {
      fail();
      return {};
    }
    std::string value(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return value;
  }
  // A number of elements that follow, each at least one byte long: more than the bytes left is a lie.
  [[nodiscard]] std::size_t get_count() {
    const auto count = get_int();
    return count > rest_.size() ? fail() : count;
  }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool finished() const { return !failed_ && rest_.empty(); }

 private:
  std::uint8_t fail() {
    failed_ = true;
    rest_ = {};
    return 0;
  }

  std::string_view rest_;
  bool failed_ = false;
};

} // namespace holdwater::spool
