// A file that is there when it is whole and on the disk, or not at all: it is written beside its place, as
// FILE.part (0600), and gets its name at the end.
//
// Who writes it holds its lock: so what an attempt that was killed has left is known from one that runs.
#pragma once

#include <string>
#include <string_view>

namespace holdwater::proxy::cli {

class part_file {
 public:
  explicit part_file(std::string whole) : whole_(std::move(whole)), part_(whole_ + ".part") {}
  ~part_file();
  part_file(const part_file&) = delete;
  part_file& operator=(const part_file&) = delete;

  // Each returns what is wrong, empty when nothing is.
  [[nodiscard]] std::string open();
  [[nodiscard]] std::string write(std::string_view bytes);
  [[nodiscard]] std::string keep_as_new(); // takes no name that is there
  [[nodiscard]] std::string replace();     // what was there is there until then

 private:
  std::string whole_, part_;
  int file_ = -1;

  [[nodiscard]] std::string make();
  [[nodiscard]] bool lock(int file) const;
  [[nodiscard]] std::string sync_name() const;
};

} // namespace holdwater::proxy::cli
