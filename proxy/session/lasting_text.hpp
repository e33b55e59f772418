// SQL texts of values that read the same whatever sql_mode and character set the session has when they are
// said again.
#pragma once

#include <string>
#include <string_view>

namespace holdwater::proxy {

// A charset introducer and hex: `_utf8mb4 0x6162`. No value is `''`.
[[nodiscard]] std::string quoted(std::string_view value, std::string_view character_set = "utf8mb4");

// A literal as it was written, where that lasts. `value`: what it says in `character_set`.
[[nodiscard]] std::string lasting_text(std::string_view literal, std::string_view value,
                                       std::string_view character_set);

[[nodiscard]] bool is_number(std::string_view value);  // digits, few enough for an integer of the servers'
[[nodiscard]] bool is_decimal(std::string_view value); // as the servers write numbers, also with a fraction

} // namespace holdwater::proxy
