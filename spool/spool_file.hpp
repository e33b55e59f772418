// Opening the spool's file: exclusive to this process, checked, WAL with synchronous=FULL, of our version.
//
// Invariant: nothing is written to a file that is not a sound spool.
#pragma once

#include "spool/spool.hpp"
#include "spool/sqlite.hpp"

#include <string>

namespace holdwater::spool {

// Marks the file as a spool (PRAGMA application_id): "HWsp".
inline constexpr int spool_application_id = 0x48577370;
inline constexpr int spool_version = 1;

[[nodiscard]] result<sqlite::database> open_spool_file(const sqlite_spool_options& options);

// The same failure, saying what we were doing with which file.
[[nodiscard]] failure while_doing(const std::string& doing, const failure& why);

} // namespace holdwater::spool
