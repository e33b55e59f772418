#include "memory_vfs.hpp"

#include "private_vfs.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace holdwater::spool::test {
namespace {

memory_disk* the_disk = nullptr; // SQLite's callbacks for files carry no other way to it

struct open_file : sqlite3_file {
  std::shared_ptr<disk_file> what;
  std::string remove_at_close;
};
open_file& self(sqlite3_file* file) {
  return *static_cast<open_file*>(file);
}

int code_of(disk_fault fault, int io_code) {
  return fault == disk_fault::no_room ? SQLITE_FULL : io_code;
}

int close_file(sqlite3_file* file) {
  if (!self(file).remove_at_close.empty()) the_disk->remove(self(file).remove_at_close);
  self(file).~open_file();
  return SQLITE_OK;
}

int read_file(sqlite3_file* file, void* to, int size, sqlite3_int64 offset) {
  const auto& bytes = self(file).what->now;
  const auto from = std::min(static_cast<std::size_t>(offset), bytes.size());
  const auto there = std::min(static_cast<std::size_t>(size), bytes.size() - from);
  std::memcpy(to, bytes.data() + from, there);
  std::memset(static_cast<char*>(to) + there, 0, static_cast<std::size_t>(size) - there);
  return there == static_cast<std::size_t>(size) ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

int write_file(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
  const std::string bytes(static_cast<const char*>(from), static_cast<std::size_t>(size));
  const auto fault = the_disk->step();
  // A failed write may have written a part.
  memory_disk::write(*self(file).what, static_cast<std::size_t>(offset),
                     fault == disk_fault::none ? bytes : bytes.substr(0, bytes.size() / 2));
  return fault == disk_fault::none ? SQLITE_OK : code_of(fault, SQLITE_IOERR_WRITE);
}

int cut_file(sqlite3_file* file, sqlite3_int64 size) {
  const auto fault = the_disk->step();
  if (fault != disk_fault::none) return code_of(fault, SQLITE_IOERR_TRUNCATE);
  memory_disk::cut(*self(file).what, static_cast<std::size_t>(size));
  return SQLITE_OK;
}

int sync_file(sqlite3_file* file, int) {
  if (the_disk->before_sync) the_disk->before_sync();
  const auto fault = the_disk->step();
  the_disk->sync(*self(file).what, fault != disk_fault::none);
  return fault == disk_fault::none ? SQLITE_OK : SQLITE_IOERR_FSYNC;
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  *size = static_cast<sqlite3_int64>(self(file).what->now.size());
  return SQLITE_OK;
}

// Version 1 has no shared memory: the spool must keep the WAL's index to itself.
constexpr sqlite3_io_methods file_methods{
    1,         close_file, read_file,  write_file,   cut_file,    sync_file,       file_size,
    lock_file, lock_file,  check_lock, control_file, sector_size, characteristics, nullptr,
    nullptr,   nullptr,    nullptr,    nullptr,      nullptr};

// One process, so that nobody else has a lock.
int map_shared(sqlite3_file* file, int number, int size, int make, void volatile** region) {
  auto& all = self(file).what->shared;
  const auto at = static_cast<std::size_t>(number);
  *region = nullptr;
  if (at >= all.size() && make == 0) return SQLITE_OK;
  while (all.size() <= at) all.push_back(std::make_shared<std::vector<char>>(static_cast<std::size_t>(size)));
  *region = all[at]->data();
  return SQLITE_OK;
}
int lock_shared(sqlite3_file*, int, int, int) {
  return SQLITE_OK;
}
void order_shared(sqlite3_file*) {}
int unmap_shared(sqlite3_file* file, int remove) {
  if (remove != 0) self(file).what->shared.clear();
  return SQLITE_OK;
}

constexpr sqlite3_io_methods sharing_methods{
    2,           close_file,   read_file,    write_file,   cut_file,    sync_file,       file_size,
    lock_file,   lock_file,    check_lock,   control_file, sector_size, characteristics, map_shared,
    lock_shared, order_shared, unmap_shared, nullptr,      nullptr};
bool sharing = false;

int open_path(sqlite3_vfs*, const char* path, sqlite3_file* file, int flags, int* given) {
  auto* made = new (file) open_file{};
  made->pMethods = sharing ? &sharing_methods : &file_methods;
  made->what = path == nullptr ? std::make_shared<disk_file>()
                               : the_disk->find(path, (flags & SQLITE_OPEN_CREATE) != 0);
  if ((flags & SQLITE_OPEN_DELETEONCLOSE) != 0 && path != nullptr) made->remove_at_close = path;
  if (!made->what) {
    made->~open_file();
    file->pMethods = nullptr;
    return SQLITE_CANTOPEN;
  }
  if (given != nullptr) *given = flags;
  return SQLITE_OK;
}

int delete_path(sqlite3_vfs*, const char* path, int) {
  the_disk->remove(path);
  return SQLITE_OK;
}
int access_path(sqlite3_vfs*, const char* path, int, int* there) {
  *there = the_disk->find(path, false) ? 1 : 0;
  return SQLITE_OK;
}

sqlite3_vfs make_vfs(const char* name) {
  auto made = private_vfs(name, sizeof(open_file));
  made.xOpen = open_path;
  made.xDelete = delete_path;
  made.xAccess = access_path;
  return made;
}
sqlite3_vfs the_vfs{};

} // namespace

void memory_disk::install(bool shares_memory) {
  the_disk = this;
  sharing = shares_memory;
  the_vfs = make_vfs(name());
  sqlite3_vfs_register(&the_vfs, 0);
}

void memory_disk::uninstall() {
  sqlite3_vfs_unregister(&the_vfs);
  the_disk = nullptr;
}

void memory_disk::fail_from(std::uint64_t at, disk_fault with, int times) {
  fail_at_ = at;
  fault_ = with;
  failures_left_ = times;
}

void memory_disk::heal() {
  fault_ = disk_fault::none;
}

disk_fault memory_disk::step() {
  ++steps_;
  if (fault_ == disk_fault::none || steps_ < fail_at_ || failures_left_ == 0) return disk_fault::none;
  if (failures_left_ > 0) --failures_left_;
  return fault_;
}

std::shared_ptr<disk_file> memory_disk::find(const std::string& path, bool make) {
  auto found = files_.find(path);
  if (found == files_.end() && make) found = files_.emplace(path, std::make_shared<disk_file>()).first;
  return found == files_.end() ? nullptr : found->second;
}

void memory_disk::apply(std::string& to, const disk_file::change& what) {
  if (what.bytes.empty()) return to.resize(std::min(to.size(), what.offset));
  if (to.size() < what.offset + what.bytes.size()) to.resize(what.offset + what.bytes.size());
  to.replace(what.offset, what.bytes.size(), what.bytes);
}

void memory_disk::write(disk_file& file, std::size_t offset, const std::string& bytes) {
  if (bytes.empty()) return;
  apply(file.now, {offset, bytes});
  file.unsynced.push_back({offset, bytes});
}

void memory_disk::cut(disk_file& file, std::size_t size) {
  apply(file.now, {size, ""});
  file.unsynced.push_back({size, ""});
}

void memory_disk::sync(disk_file& file, bool fails) {
  for (const auto& change : file.unsynced)
    if (!fails || random_() % 2 == 0) apply(file.durable, change);
  file.unsynced.clear();
}

memory_disk::image memory_disk::take_image() const {
  image taken;
  for (const auto& [path, file] : files_) taken.emplace(path, *file);
  return taken;
}

void memory_disk::restore(const image& from) {
  files_.clear();
  for (const auto& [path, file] : from) files_.emplace(path, std::make_shared<disk_file>(file));
}

void memory_disk::end_process() {
  for (auto& [path, file] : files_) file->shared.clear();
}

void memory_disk::lose_power() {
  for (auto& [path, file] : files_) {
    for (const auto& change : file->unsynced)
      if (random_() % 2 == 0) apply(file->durable, change);
    file->unsynced.clear();
    file->now = file->durable;
  }
}

} // namespace holdwater::spool::test
