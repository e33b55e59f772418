// The comments that spool export writes: before each unit whose it is, and which unit of which queue; at the
// end how many there are, which shows that nothing was cut off.
//
// Worked example:
//   -- number 3, account app, accepted 2026-11-26 20:14:46.123456 UTC, queue 0123456789abcdef0123456789abcdef
//   -- end, 1 writes
// The queue and the end are not in the texts of older versions.
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
inline constexpr char end_mark[] = "-- end, ";

// `account` is shown as a comment can; `accepted` is a moment without commas.
[[nodiscard]] std::string print_unit_head(const unit_head& what, std::string_view accepted);
// Nothing: it is another comment.
[[nodiscard]] std::optional<unit_head> read_unit_head(std::string_view line);

[[nodiscard]] std::string print_end(std::uint64_t units);
[[nodiscard]] std::optional<std::uint64_t> read_end(std::string_view line);

} // namespace holdwater::proxy
