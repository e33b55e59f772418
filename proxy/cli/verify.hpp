// holdwater spool verify: a queue's file is looked at, without a running program.
#pragma once

#include "proxy/cli/arguments.hpp"

namespace holdwater::proxy::cli {

// The exit code.
[[nodiscard]] int verify(const arguments& given, const environment& variables);

} // namespace holdwater::proxy::cli
