// A damaged SQLite file that may be made anew is not thrown away.
#pragma once

#include "spool/error.hpp"

#include <string>

namespace holdwater::spool {

// Renames the file and what belongs to it (-wal, -shm) to <path>.unreadable...
[[nodiscard]] result<void> set_aside(const std::string& path);
// Removes what was set aside.
void forget_set_aside(const std::string& path);

} // namespace holdwater::spool
