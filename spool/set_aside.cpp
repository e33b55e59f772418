#include "spool/set_aside.hpp"

#include <filesystem>

namespace holdwater::spool {

result<void> set_aside(const std::string& path) {
  for (const char* tail : {"", "-wal", "-shm"}) {
    std::error_code failed;
    if (!std::filesystem::exists(path + tail, failed)) continue;
    std::filesystem::rename(path + tail, path + ".unreadable" + tail, failed);
    if (failed) return failure{errc::io, "setting aside " + path + tail + ": " + failed.message()};
  }
  return {};
}

void forget_set_aside(const std::string& path) {
  for (const char* tail : {"", "-wal", "-shm"}) {
    std::error_code failed; // it is not there, or stays; nobody reads it
    std::filesystem::remove(path + ".unreadable" + tail, failed);
  }
}

} // namespace holdwater::spool
