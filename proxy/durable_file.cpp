#include "proxy/durable_file.hpp"

#include "proxy/write_whole.hpp"
#include "spool/sync_folder.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace holdwater::proxy {

std::string write_durably(const std::string& path, std::string_view content) {
  const auto fresh = path + ".new";
  const auto failed = [&](const char* doing) {
    return fmt::format("{} {}: {}", doing, fresh, std::strerror(errno));
  };
  const int file = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return failed("opening");
  const bool written = ::fchmod(file, 0600) == 0 && write_whole(file, content) && ::fsync(file) == 0;
  auto problem = written ? std::string() : failed("writing");
  ::close(file);
  if (!written) ::unlink(fresh.c_str()); // on a full disk the spool needs its room
  if (!written) return problem;
  if (::rename(fresh.c_str(), path.c_str()) != 0) return failed("renaming");
  const auto named = spool::sync_folder_of(path);
  return named ? std::string() : named.error().context;
}

} // namespace holdwater::proxy
