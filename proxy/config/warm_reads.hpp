// Which statements may stand in cache.warm: those that can do nothing but be answered, and whose answer is
// kept. Others stop the start.
#pragma once

#include <string>
#include <string_view>

namespace holdwater::proxy {

// Why the text may not, empty when it may. `database`: the default one.
[[nodiscard]] std::string why_not_warm(std::string_view text, std::string_view database);

} // namespace holdwater::proxy
