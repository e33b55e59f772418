// Bytes that may be in any encoding, made fit for JSON and for people.
#pragma once

#include <string>
#include <string_view>

namespace holdwater::admin {

// Valid UTF-8 as it is; each byte that is not part of any shows as \xNN. (The Unicode Standard, table 3-7.) A
// backslash stays one backslash, so a text that really holds \xNN looks the same: this is for reading, not
// for reading back.
[[nodiscard]] std::string printable(std::string_view bytes);

} // namespace holdwater::admin
