// A number for bytes, so that two things can be compared without one of them being kept: not for keys of
// which somebody may choose two that are alike.
//
// Source: Fowler, Noll and Vo, "FNV hash", FNV-1a of 64 bits.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace holdwater::protocol {

class fnv1a {
 public:
  void add(std::span<const std::uint8_t> bytes) {
    for (const auto byte : bytes) value_ = (value_ ^ byte) * prime;
  }
  void add(std::string_view bytes) {
    for (const char c : bytes) value_ = (value_ ^ static_cast<unsigned char>(c)) * prime;
  }
  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  static constexpr std::uint64_t prime = 0x100000001b3;
  std::uint64_t value_ = 0xcbf29ce484222325;
};

} // namespace holdwater::protocol
