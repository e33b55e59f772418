// holdwater backup: a copy of the queue comes piece by piece, and is written here, by the one who asked for
// it.
#pragma once

#include "proxy/cli/arguments.hpp"
#include "proxy/cli/http.hpp"

namespace holdwater::proxy::cli {

// The exit code. The file (0600) is there when it is whole and on the disk, or not at all.
[[nodiscard]] int save_backup(const arguments& given, const target& where);

} // namespace holdwater::proxy::cli
