#include "spool/reserve_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>

namespace holdwater::spool {

result<void> reserve_file::take() {
  if (holds_ || bytes_ == 0) {
    holds_ = true;
    return {};
  }
  const int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return failure{errc::io, "opening " + path_ + ": " + std::strerror(errno)};
  const int number = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes_));
  ::close(fd);
  if (number == 0) {
    holds_ = true;
    return {};
  }
  give_back(); // what was allocated before the space ran out
  return failure{number == ENOSPC || number == EDQUOT ? errc::disk_full : errc::io,
                 "reserving space at " + path_ + ": " + std::strerror(number)};
}

void reserve_file::give_back() {
  if (bytes_ != 0) ::unlink(path_.c_str());
  holds_ = false;
}

} // namespace holdwater::spool
