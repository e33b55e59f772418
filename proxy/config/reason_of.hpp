#pragma once

#include "proxy/config/load_options.hpp"

#include <string>

namespace holdwater::proxy {

// What an early_exit prints in lines, as one of many words in a log, an answer or another message.
[[nodiscard]] std::string reason_of(const early_exit& ending);

} // namespace holdwater::proxy
