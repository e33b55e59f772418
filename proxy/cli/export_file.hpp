// holdwater spool export: what waits as SQL, part by part, to the standard output or into a file.
#pragma once

#include "proxy/cli/arguments.hpp"
#include "proxy/cli/http.hpp"

namespace holdwater::proxy::cli {

// The exit code. A file of that name is as it was until the new one (0600) is whole and on the disk.
[[nodiscard]] int export_all(const arguments& given, const target& where);

} // namespace holdwater::proxy::cli
