// Carries a command of the client out: asks the port, prints what it said, gives the exit code.
#pragma once

#include "proxy/config/source.hpp"

namespace holdwater::proxy::cli {

// Precondition: is_command(argc, argv).
[[nodiscard]] int run(int argc, const char* const* argv, const environment& variables);

} // namespace holdwater::proxy::cli
