// Why a configuration was not taken, for where lines with the program's name in front have no place.
#pragma once

#include "proxy/config/load_options.hpp"

#include <string>

namespace holdwater::proxy {

// All that it prints, in one line.
[[nodiscard]] std::string reason_of(const early_exit& ending);

} // namespace holdwater::proxy
