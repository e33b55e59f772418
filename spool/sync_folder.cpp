#include "spool/sync_folder.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace holdwater::spool {
namespace {

failure system_failure(const std::string& doing) {
  return {errno == ENOSPC || errno == EDQUOT ? errc::disk_full : errc::io,
          doing + ": " + std::strerror(errno)};
}

} // namespace

result<void> sync_folder_of(const std::string& file) {
  const std::filesystem::path path(file);
  const auto folder = path.has_parent_path() ? path.parent_path().string() : std::string(".");
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return system_failure("opening " + folder);
  const bool synced = ::fsync(fd) == 0;
  auto why = system_failure("syncing " + folder);
  ::close(fd);
  if (!synced) return why;
  return {};
}

} // namespace holdwater::spool
