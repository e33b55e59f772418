// What the targets are made of: a claim that must hold whatever the bytes are, and the bytes read as numbers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace holdwater::fuzz {

inline void must(bool holds, const char* claim) {
  if (holds) return;
  std::fprintf(stderr, "\nthis does not hold: %s\n", claim);
  std::abort();
}

// The bytes of one run, in memory of just their size, so that a sanitizer sees every read behind them.
// Numbers are taken from the front, little-endian; where there are no more bytes they are zero.
class input {
 public:
  input(const std::uint8_t* data, std::size_t size) : copy_(new std::uint8_t[size]), size_(size) {
    std::copy_n(data, size, copy_.get());
  }

  std::uint64_t number(std::size_t width) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < width && at_ < size_; ++i, ++at_)
      value |= static_cast<std::uint64_t>(copy_[at_]) << (8 * i);
    return value;
  }
  std::string_view text(std::size_t size) {
    const std::string_view whole(reinterpret_cast<const char*>(copy_.get()), size_);
    const auto part = whole.substr(at_, size);
    at_ += part.size();
    return part;
  }
  std::string_view rest() { return text(size_); }
  [[nodiscard]] bool empty() const { return at_ == size_; }

 private:
  std::unique_ptr<std::uint8_t[]> copy_;
  std::size_t size_;
  std::size_t at_ = 0;
};

} // namespace holdwater::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
