// Passwords in memory: what held one is written over before its memory is given back, so that a later leak of
// memory has less to show. The passwords of the configuration themselves stay as long as the program runs.
#pragma once

#include "protocol/packet.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace holdwater::protocol {

// Writes over all that the string or buffer has room for, and leaves it empty.
void wipe(std::string& text);
void wipe(byte_buffer& bytes);
// Writes over the bytes themselves.
void wipe(std::span<std::uint8_t> bytes);

// A text that is written over at its end. Taking one from a string writes over the string as well.
class secret {
 public:
  secret() = default;
  explicit secret(std::string&& text) : text_(text) { wipe(text); }
  secret(const secret&) = default;
  secret(secret&& other) noexcept : text_(std::move(other.text_)) { wipe(other.text_); }
  secret& operator=(const secret&) = delete;
  secret& operator=(secret&&) = delete;
  ~secret() { wipe(text_); }

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }

 private:
  std::string text_;
};

} // namespace holdwater::protocol
