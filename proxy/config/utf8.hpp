// Whether bytes are UTF-8, which a TOML file has to be.
#pragma once

#include <cstddef>
#include <string_view>

namespace holdwater::proxy {

// The offset of the first byte that is part of no well-formed character (the Unicode Standard, table 3-7);
// npos when all are.
[[nodiscard]] std::size_t find_bad_utf8(std::string_view text);

} // namespace holdwater::proxy
