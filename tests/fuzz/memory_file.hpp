// A file that is in memory only, for readers that want a path.
#pragma once

#include "tests/fuzz/check.hpp"

#include <string>
#include <string_view>

#include <sys/mman.h>
#include <unistd.h>

namespace holdwater::fuzz {

class memory_file {
 public:
  explicit memory_file(std::string_view content) : file_(memfd_create("fuzz", MFD_CLOEXEC)) {
    must(file_ >= 0, "there is memory for a file");
    must(::write(file_, content.data(), content.size()) == static_cast<ssize_t>(content.size()),
         "a file in memory takes its content");
  }
  memory_file(const memory_file&) = delete;
  memory_file& operator=(const memory_file&) = delete;
  ~memory_file() { ::close(file_); }

  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  int file_;
};

} // namespace holdwater::fuzz
