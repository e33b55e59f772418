// Opening the spool's file: exclusive to this process, checked, WAL with synchronous=FULL, of our version.
//
// Invariant: nothing is written to a file that is not a sound spool.
#pragma once

#include "spool/spool.hpp"
#include "spool/sqlite.hpp"

#include <string>
#include <vector>

namespace holdwater::spool {

// Marks the file as a spool (PRAGMA application_id): "HWsp".
inline constexpr int spool_application_id = 0x48577370;
inline constexpr int spool_version = 2;
inline constexpr int version_without_keys = 1; // which is made ours when it is opened

// In `fact`: "1" when no statement lies in clear, or under an earlier key, anywhere in the file, nor in its
// unused space.
inline constexpr char wiped_fact[] = "wiped";

[[nodiscard]] result<sqlite::database> open_spool_file(const sqlite_spool_options& options);

// errc::corrupt when there is a WAL whose file is missing or has no header: SQLite may delete it.
[[nodiscard]] result<void> expect_file_of_wal(const std::string& path);

// Which keys the kept units are sealed with, 0 for those in clear. Of a file of our version.
[[nodiscard]] result<std::vector<key_id>> keys_in_use(sqlite::database& db);
// errc::wrong_key with the ids of those that are missing and of those that are there.
[[nodiscard]] result<void> expect_keys(const std::vector<key_id>& in_use, const key_ring_ptr& given);

// The same failure, saying what we were doing with which file.
[[nodiscard]] failure while_doing(const std::string& doing, const failure& why);

} // namespace holdwater::spool
