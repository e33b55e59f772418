// holdwater reconnect: the server is tried now, and what comes of that is told.
#pragma once

#include "proxy/cli/arguments.hpp"
#include "proxy/cli/http.hpp"

namespace holdwater::proxy::cli {

// The exit code: 0 when the server was reached and takes what is queued, 1 when not.
[[nodiscard]] int reconnect(const arguments& given, const target& where);

} // namespace holdwater::proxy::cli
