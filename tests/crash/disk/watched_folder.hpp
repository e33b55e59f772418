// A folder of the real file system whose files lie on a faulty_disk: the program's own system calls on them
// (open, write, fsync, rename, ...) are counted there, fail there, and are lost there.
//
// It defines those functions for the whole test program, libraries included (SQLite, libstdc++'s rename), and
// leaves everything outside of the folder alone. What SQLite maps into memory (-shm) is not kept: it is made
// anew from the WAL. One folder at a time.
#pragma once

#include "faulty_disk.hpp"

#include <string>

namespace holdwater::test {

class watched_folder {
 public:
  explicit watched_folder(faulty_disk& disk);
  ~watched_folder();
  watched_folder(const watched_folder&) = delete;
  watched_folder& operator=(const watched_folder&) = delete;

  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
  // Makes the folder's files what the disk holds: after its restore(), and after its lose_power().
  void lay_out();

 private:
  std::string path_;
  faulty_disk& disk_;
};

} // namespace holdwater::test
