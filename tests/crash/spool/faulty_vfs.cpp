#include "faulty_vfs.hpp"

#include "private_vfs.hpp"

#include <sqlite3.h>

#include <atomic>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <new>

namespace holdwater::spool::test {
namespace {

using holdwater::test::call_done;
using holdwater::test::faulty_disk;
using holdwater::test::file_ptr;

faulty_disk* the_disk = nullptr;
std::atomic<int> last_error{0}; // as errno, which SQLite asks for

struct open_file : sqlite3_file {
  file_ptr what;
  std::string remove_at_close;
  bool name_unsynced = false; // a new journal or WAL: its folder is synced with its first sync
};
open_file& self(sqlite3_file* file) {
  return *static_cast<open_file*>(file);
}

int code_of(const call_done& done, int io_code) {
  if (done.error != 0) last_error = done.error;
  return done.error == 0 ? SQLITE_OK : io_code;
}

int close_file(sqlite3_file* file) {
  if (!self(file).remove_at_close.empty()) static_cast<void>(the_disk->remove(self(file).remove_at_close));
  self(file).~open_file();
  return SQLITE_OK;
}

int read_file(sqlite3_file* file, void* to, int size, sqlite3_int64 offset) {
  const auto wanted = static_cast<std::size_t>(size);
  const auto done =
      the_disk->read(*self(file).what, static_cast<std::size_t>(offset), static_cast<char*>(to), wanted);
  if (done.error != 0) return code_of(done, SQLITE_IOERR_READ);
  std::memset(static_cast<char*>(to) + done.bytes, 0, wanted - done.bytes);
  return done.bytes == wanted ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

int write_file(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
  const std::string_view bytes(static_cast<const char*>(from), static_cast<std::size_t>(size));
  const auto done = the_disk->write(*self(file).what, static_cast<std::size_t>(offset), bytes);
  return code_of(done, done.error == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE);
}

int cut_file(sqlite3_file* file, sqlite3_int64 size) {
  return code_of(the_disk->cut(*self(file).what, static_cast<std::size_t>(size)), SQLITE_IOERR_TRUNCATE);
}

int sync_file(sqlite3_file* file, int) {
  auto& mine = self(file);
  const int code = code_of(the_disk->sync(*mine.what), SQLITE_IOERR_FSYNC);
  if (code != SQLITE_OK || !mine.name_unsynced) return code;
  static_cast<void>(the_disk->sync_names()); // os_unix.c goes on, too
  mine.name_unsynced = false;
  return SQLITE_OK;
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  std::size_t bytes = 0;
  const auto done = the_disk->size(*self(file).what, bytes);
  *size = static_cast<sqlite3_int64>(bytes);
  return code_of(done, SQLITE_IOERR_FSTAT);
}

constexpr sqlite3_io_methods file_methods{
    1,         close_file, read_file,  write_file,   cut_file,    sync_file,       file_size,
    lock_file, lock_file,  check_lock, control_file, sector_size, characteristics, nullptr,
    nullptr,   nullptr,    nullptr,    nullptr,      nullptr};

int open_path(sqlite3_vfs*, const char* path, sqlite3_file* file, int flags, int* given) {
  file->pMethods = nullptr;
  file_ptr opened = std::make_shared<holdwater::test::disk_file>(); // without a path: nobody else's
  const bool journal = (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
  if (path != nullptr) {
    opened = nullptr;
    const auto done =
        the_disk->open(path, (flags & SQLITE_OPEN_CREATE) != 0, (flags & SQLITE_OPEN_EXCLUSIVE) != 0,
                       (flags & SQLITE_OPEN_MAIN_DB) != 0, opened);
    if (done.error != 0) return code_of(done, SQLITE_CANTOPEN);
  }
  auto* made = new (file) open_file{};
  made->pMethods = &file_methods;
  made->what = std::move(opened);
  made->name_unsynced = journal;
  if ((flags & SQLITE_OPEN_DELETEONCLOSE) != 0 && path != nullptr) made->remove_at_close = path;
  if (given != nullptr) *given = flags;
  return SQLITE_OK;
}

int delete_path(sqlite3_vfs*, const char* path, int sync_folder) {
  const auto done = the_disk->remove(path);
  if (done.error == ENOENT) return SQLITE_IOERR_DELETE_NOENT;
  if (done.error != 0) return code_of(done, SQLITE_IOERR_DELETE);
  return sync_folder == 0 ? SQLITE_OK : code_of(the_disk->sync_names(), SQLITE_IOERR_DIR_FSYNC);
}
int access_path(sqlite3_vfs*, const char* path, int, int* there) {
  bool found = false;
  const auto done = the_disk->look(path, found);
  *there = found ? 1 : 0;
  return code_of(done, SQLITE_IOERR_ACCESS);
}
int get_last_error(sqlite3_vfs*, int, char*) {
  return last_error;
}

sqlite3_vfs make_vfs() {
  auto made = private_vfs(faulty_vfs::name(), sizeof(open_file));
  made.xOpen = open_path;
  made.xDelete = delete_path;
  made.xAccess = access_path;
  made.xGetLastError = get_last_error;
  return made;
}
sqlite3_vfs the_vfs{};

} // namespace

faulty_vfs::faulty_vfs(faulty_disk& disk) {
  assert(the_disk == nullptr);
  the_disk = &disk;
  last_error = 0;
  the_vfs = make_vfs();
  sqlite3_vfs_register(&the_vfs, 0);
}

faulty_vfs::~faulty_vfs() {
  sqlite3_vfs_unregister(&the_vfs);
  the_disk = nullptr;
}

} // namespace holdwater::spool::test
