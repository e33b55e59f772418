// The part of a request's target after the question mark: name=value&name=value, of numbers only.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace holdwater::admin {

// Digits only, in range.
[[nodiscard]] std::optional<std::uint64_t> parse_count(std::string_view text);

// Every parameter must be asked for, once, and hold what was asked for; `error` says what was not so.
class query {
 public:
  explicit query(std::string_view text);

  [[nodiscard]] std::uint64_t count(std::string_view name, std::uint64_t otherwise, std::uint64_t least,
                                    std::uint64_t most);
  [[nodiscard]] std::chrono::milliseconds seconds(std::string_view name, std::chrono::seconds otherwise,
                                                  std::chrono::seconds most);

  // After all were asked for: what is wrong, or an empty string.
  [[nodiscard]] std::string error() const;

 private:
  std::map<std::string, std::string, std::less<>> left_; // not asked for yet
  std::string error_;

  std::optional<std::string> take(std::string_view name);
  void fail(std::string why);
};

} // namespace holdwater::admin
