// holdwater spool import: the file is read twice, first to have all of it checked, then to be taken, in
// parts.
#pragma once

#include "proxy/cli/arguments.hpp"
#include "proxy/cli/http.hpp"

namespace holdwater::proxy::cli {

[[nodiscard]] int import_file(const arguments& given, const target& where);

} // namespace holdwater::proxy::cli
