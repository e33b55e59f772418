#include "spool/sync_folder.hpp"

#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace holdwater::spool {
result<void> sync_folder_of(const std::string& file) {
  const std::filesystem::path path(file);
  const auto folder = path.has_parent_path() ? path.parent_path().string() : std::string(".");
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return system_failure("opening " + folder);
  auto done = ::fsync(fd) == 0 ? result<void>() : system_failure("syncing " + folder);
  ::close(fd);
  return done;
}

} // namespace holdwater::spool
