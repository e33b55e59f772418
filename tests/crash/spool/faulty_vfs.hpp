// SQLite's VFS over a faulty_disk. One at a time: SQLite's callbacks for files carry no other way to the
// disk.
//
// It has no shared memory (version 1), so the spool must keep the WAL's index to itself. The name of the main
// file counts as synced from the start: the spool makes that file and syncs its folder before SQLite sees it.
//
// Source: SQLite "The OS Backend (VFS)", sqlite.org/vfs.html; what it syncs and when is as in its os_unix.c.
#pragma once

#include "tests/crash/disk/faulty_disk.hpp"

namespace holdwater::spool::test {

class faulty_vfs {
 public:
  explicit faulty_vfs(holdwater::test::faulty_disk& disk);
  ~faulty_vfs();
  faulty_vfs(const faulty_vfs&) = delete;
  faulty_vfs& operator=(const faulty_vfs&) = delete;

  [[nodiscard]] static const char* name() { return "holdwater-faulty"; }
};

} // namespace holdwater::spool::test
