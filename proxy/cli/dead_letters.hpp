// holdwater dead retry, dead discard, and spool show, which shows dead letters too.
#pragma once

#include "proxy/cli/arguments.hpp"
#include "proxy/cli/http.hpp"

namespace holdwater::proxy::cli {

// The exit codes.
[[nodiscard]] int decide_dead(const arguments& given, const target& where);
[[nodiscard]] int show_one(const arguments& given, const target& where);

} // namespace holdwater::proxy::cli
