// What a VFS for SQLite needs that nobody else's process has open, beside the bytes of its files: no locks,
// nothing to control, sectors that a power cut leaves whole. Time, sleep and randomness stay the system's.
#pragma once

#include <sqlite3.h>

namespace holdwater::spool::test {

inline int lock_file(sqlite3_file*, int) {
  return SQLITE_OK;
}
inline int check_lock(sqlite3_file*, int* held) {
  *held = 0;
  return SQLITE_OK;
}
inline int control_file(sqlite3_file*, int, void*) {
  return SQLITE_NOTFOUND;
}
inline int sector_size(sqlite3_file*) {
  return 512;
}
inline int characteristics(sqlite3_file*) {
  return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

inline int full_path(sqlite3_vfs*, const char* path, int size, char* to) {
  sqlite3_snprintf(size, to, "%s", path);
  return SQLITE_OK;
}

// Without what opens, deletes and finds files.
inline sqlite3_vfs private_vfs(const char* name, int size_of_file) {
  sqlite3_vfs made = *sqlite3_vfs_find(nullptr);
  made.iVersion = 1;
  made.szOsFile = size_of_file;
  made.zName = name;
  made.pNext = nullptr;
  made.xFullPathname = full_path;
  return made;
}

} // namespace holdwater::spool::test
