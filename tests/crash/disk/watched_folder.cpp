#include "watched_folder.hpp"

#include <cassert>
#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace holdwater::test {
namespace {

struct open_file {
  file_ptr what; // null: the folder itself
};

// Paths are stored on the disk without the folder's, which differs from run to run.
struct watch {
  std::mutex mutex; // guards all below
  faulty_disk* disk = nullptr;
  std::string folder;
  std::map<int, open_file> files;
};
watch& the_watch() {
  static auto* const only = new watch; // outlives whoever still closes files at the end
  return *only;
}

long real_open(const char* path, int flags, unsigned mode) {
  return ::syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

// The file's name in the folder; empty for what lies elsewhere.
std::string watched_name(const char* path) {
  auto& all = the_watch();
  const std::lock_guard lock(all.mutex);
  const std::string_view given = path == nullptr ? "" : path;
  if (all.disk == nullptr || !given.starts_with(all.folder + "/") || given.ends_with("-shm")) return {};
  return std::string(given.substr(all.folder.size() + 1));
}

bool is_watched_folder(const char* path) {
  auto& all = the_watch();
  const std::lock_guard lock(all.mutex);
  return all.disk != nullptr && path != nullptr && all.folder == path;
}

faulty_disk* disk_of(int fd, open_file& found) {
  auto& all = the_watch();
  const std::lock_guard lock(all.mutex);
  const auto at = all.files.find(fd);
  if (all.disk == nullptr || at == all.files.end()) return nullptr;
  found = at->second;
  return all.disk;
}

faulty_disk& the_disk() {
  auto& all = the_watch();
  const std::lock_guard lock(all.mutex);
  return *all.disk;
}

int failed(int error) {
  errno = error;
  return -1;
}

int remember(long fd, file_ptr what) {
  if (fd < 0) return -1;
  auto& all = the_watch();
  const std::lock_guard lock(all.mutex);
  all.files[static_cast<int>(fd)] = {std::move(what)};
  return static_cast<int>(fd);
}

int open_any(const char* path, int flags, unsigned mode) {
  if (is_watched_folder(path)) return remember(real_open(path, flags, mode), nullptr);
  const auto name = watched_name(path);
  if (name.empty()) return static_cast<int>(real_open(path, flags, mode));
  file_ptr opened;
  const auto done = the_disk().open(name, (flags & O_CREAT) != 0, (flags & O_EXCL) != 0, false, opened);
  if (done.error != 0) return failed(done.error);
  if ((flags & O_TRUNC) != 0)
    if (const auto cut = the_disk().cut(*opened, 0); cut.error != 0) return failed(cut.error);
  return remember(real_open(path, flags, mode), std::move(opened));
}

ssize_t write_at(int fd, const void* bytes, std::size_t size, off_t offset) {
  return ::syscall(SYS_pwrite64, fd, bytes, size, offset);
}

ssize_t write_any(int fd, const open_file& file, faulty_disk& disk, const void* bytes, std::size_t size,
                  off_t offset) {
  const auto done =
      disk.write(*file.what, static_cast<std::size_t>(offset), {static_cast<const char*>(bytes), size});
  if (done.bytes > 0 && write_at(fd, bytes, done.bytes, offset) != static_cast<ssize_t>(done.bytes))
    return -1;
  return done.error == 0 ? static_cast<ssize_t>(done.bytes) : failed(done.error);
}

ssize_t read_any(const open_file& file, faulty_disk& disk, void* to, std::size_t size, off_t offset) {
  const auto done = disk.read(*file.what, static_cast<std::size_t>(offset), static_cast<char*>(to), size);
  return done.error == 0 ? static_cast<ssize_t>(done.bytes) : failed(done.error);
}

int sync_any(int fd) {
  open_file file;
  auto* const disk = disk_of(fd, file);
  if (disk == nullptr) return static_cast<int>(::syscall(SYS_fsync, fd));
  const auto done = file.what ? disk->sync(*file.what) : disk->sync_names();
  return done.error == 0 ? 0 : failed(done.error);
}

int cut_any(int fd, off_t size) {
  open_file file;
  if (auto* const disk = disk_of(fd, file))
    if (const auto done = disk->cut(*file.what, static_cast<std::size_t>(size)); done.error != 0)
      return failed(done.error);
  return static_cast<int>(::syscall(SYS_ftruncate, fd, size));
}

} // namespace

watched_folder::watched_folder(faulty_disk& disk) : disk_(disk) {
  const bool in_memory = std::filesystem::is_directory("/dev/shm");
  path_ = (in_memory ? "/dev/shm" : std::filesystem::temp_directory_path().string()) + "/watched-XXXXXX";
  if (::mkdtemp(path_.data()) == nullptr) std::abort();
  auto& all = the_watch();
  const std::lock_guard lock(all.mutex);
  assert(all.disk == nullptr);
  all.disk = &disk;
  all.folder = path_;
}

watched_folder::~watched_folder() {
  {
    auto& all = the_watch();
    const std::lock_guard lock(all.mutex);
    all.disk = nullptr;
    all.files.clear();
  }
  std::error_code ignored; // a folder left there fails no test
  std::filesystem::remove_all(path_, ignored);
}

void watched_folder::lay_out() {
  auto& all = the_watch();
  const std::lock_guard lock(all.mutex); // the calls below go past the watch
  for (const auto& entry : std::filesystem::directory_iterator(path_))
    ::syscall(SYS_unlinkat, AT_FDCWD, entry.path().c_str(), 0);
  for (const auto& [name, bytes] : disk_.contents()) {
    const long fd = real_open(file(name).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 ||
        write_at(static_cast<int>(fd), bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
      std::abort();
    ::syscall(SYS_close, fd);
  }
}

} // namespace holdwater::test

// --- the system's calls

using namespace holdwater::test; // for the functions below, which have the system's names

extern "C" {

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const unsigned mode = (flags & O_CREAT) != 0 ? va_arg(rest, unsigned) : 0;
  va_end(rest);
  return open_any(path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const unsigned mode = (flags & O_CREAT) != 0 ? va_arg(rest, unsigned) : 0;
  va_end(rest);
  return open_any(path, flags, mode);
}

int close(int fd) {
  {
    auto& all = the_watch();
    const std::lock_guard lock(all.mutex);
    all.files.erase(fd);
  }
  return static_cast<int>(::syscall(SYS_close, fd));
}

ssize_t write(int fd, const void* bytes, size_t size) {
  open_file file;
  auto* const disk = disk_of(fd, file);
  if (disk == nullptr) return ::syscall(SYS_write, fd, bytes, size);
  const off_t at = ::lseek(fd, 0, SEEK_CUR);
  const auto written = write_any(fd, file, *disk, bytes, size, at);
  if (written > 0) ::lseek(fd, at + written, SEEK_SET);
  return written;
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off_t offset) {
  open_file file;
  auto* const disk = disk_of(fd, file);
  return disk == nullptr ? write_at(fd, bytes, size, offset)
                         : write_any(fd, file, *disk, bytes, size, offset);
}
ssize_t pread64(int fd, void* to, size_t size, off_t offset) {
  open_file file;
  auto* const disk = disk_of(fd, file);
  return disk == nullptr ? ::syscall(SYS_pread64, fd, to, size, offset)
                         : read_any(file, *disk, to, size, offset);
}

int fsync(int fd) {
  return sync_any(fd);
}
int fdatasync(int fd) {
  return sync_any(fd);
}
int ftruncate(int fd, off_t size) noexcept {
  return cut_any(fd, size);
}
int ftruncate64(int fd, off_t size) noexcept {
  return cut_any(fd, size);
}

int posix_fallocate(int fd, off_t offset, off_t size) {
  open_file file;
  auto* const disk = disk_of(fd, file);
  if (disk == nullptr) return ::syscall(SYS_fallocate, fd, 0, offset, size) == 0 ? 0 : errno;
  const auto to = static_cast<std::size_t>(offset + size);
  if (const auto done = disk->allocate(*file.what, to); done.error != 0) return done.error;
  return ::syscall(SYS_ftruncate, fd, to) == 0 ? 0 : errno;
}

int unlink(const char* path) noexcept {
  if (const auto name = watched_name(path); !name.empty())
    if (const auto done = the_disk().remove(name); done.error != 0) return failed(done.error);
  return static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}

int rename(const char* from, const char* to) noexcept {
  if (const auto name = watched_name(from); !name.empty())
    if (const auto done = the_disk().rename(name, watched_name(to)); done.error != 0)
      return failed(done.error);
  return static_cast<int>(::syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to));
}

int statvfs(const char* path, struct statvfs* to) noexcept {
  if (watched_name(path).empty()) return failed(ENOSYS);
  constexpr std::uint64_t block = 4096;
  *to = {};
  to->f_frsize = block;
  to->f_bavail = the_disk().free_bytes() / block;
  return 0;
}

} // extern "C"
