#include "proxy/cli/part_file.hpp"

#include "proxy/write_whole.hpp"
#include "spool/sync_folder.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace holdwater::proxy::cli {

part_file::~part_file() {
  if (file_ < 0) return;
  ::unlink(part_.c_str());
  ::close(file_);
}

std::string part_file::open() {
  const auto why = make();
  return why.empty() ? why : part_ + ": " + why;
}

std::string part_file::make() {
  constexpr int how = O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  if (const int left = ::open(part_.c_str(), how); left >= 0) {
    const bool mine = lock(left);
    if (mine) ::unlink(part_.c_str());
    ::close(left);
    if (!mine) return "another one writes it, or it is no file of this user's";
  }
  const int made = ::open(part_.c_str(), how | O_CREAT | O_EXCL, 0600);
  if (made < 0) return std::strerror(errno);
  if (lock(made)) {
    file_ = made;
    return {};
  }
  ::close(made);
  return "another one has taken it away";
}

// False: it is somebody's, or no plain file, or not the one of that name any more.
bool part_file::lock(int file) const {
  struct stat opened {
  }, named{};
  return ::flock(file, LOCK_EX | LOCK_NB) == 0 && ::fstat(file, &opened) == 0 &&
         ::lstat(part_.c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
         opened.st_dev == named.st_dev && S_ISREG(opened.st_mode) && opened.st_uid == ::geteuid();
}

std::string part_file::write(std::string_view bytes) {
  return write_whole(file_, bytes) ? std::string() : part_ + ": " + std::strerror(errno);
}

// link() takes no name that is there.
std::string part_file::keep_as_new() {
  if (::fsync(file_) != 0 || ::link(part_.c_str(), whole_.c_str()) != 0)
    return whole_ + ": " + std::strerror(errno);
  return sync_name();
}

std::string part_file::replace() {
  if (::fsync(file_) != 0 || std::rename(part_.c_str(), whole_.c_str()) != 0)
    return whole_ + ": " + std::strerror(errno);
  ::close(file_); // nothing of that name is to be removed any more
  file_ = -1;
  return sync_name();
}

std::string part_file::sync_name() const {
  const auto named = spool::sync_folder_of(whole_);
  return named ? std::string() : named.error().context;
}

} // namespace holdwater::proxy::cli
