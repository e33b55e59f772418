// Disk space held beside the spool for the time when the file system is full: given back, it lets units be
// settled and a failed commit be undone while appends are refused.
//
// Invariant: holds() means that the file's blocks are allocated, not only its length.
#pragma once

#include "spool/error.hpp"

#include <cstdint>
#include <string>

namespace holdwater::spool {

class reserve_file {
 public:
  // Zero bytes: no reserve is kept.
  reserve_file(std::string path, std::uint64_t bytes) : path_(std::move(path)), bytes_(bytes) {}

  [[nodiscard]] result<void> take(); // allocates; does nothing when it holds already
  void give_back();
  [[nodiscard]] bool holds() const { return holds_; }

 private:
  std::string path_;
  std::uint64_t bytes_;
  bool holds_ = false;
};

} // namespace holdwater::spool
