// The comment that spool export writes before each unit: whose it is, and which unit of which queue.
//
// Worked example:
//   -- number 3, account app, accepted 2026-11-26 20:14:46.123456 UTC, queue 0123456789abcdef0123456789abcdef
// The queue is not in the texts of older versions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdwater::proxy {

struct unit_head {
  std::uint64_t number = 0;
  std::string account;
  std::string queue; // empty: it does not say

  friend bool operator==(const unit_head&, const unit_head&) = default;
};

inline constexpr char unit_head_mark[] = "-- number ";

// `account` is shown as a comment can; `accepted` is a moment without commas.
[[nodiscard]] std::string print_unit_head(const unit_head& what, std::string_view accepted);
// Nothing: it is another comment.
[[nodiscard]] std::optional<unit_head> read_unit_head(std::string_view line);

} // namespace holdwater::proxy
