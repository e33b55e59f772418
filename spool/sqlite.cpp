#include "spool/sqlite.hpp"

#include <cerrno>
#include <cstring>

namespace holdwater::spool::sqlite {
namespace {

bool no_room(sqlite3* db) {
  const int number = sqlite3_system_errno(db);
  return number == ENOSPC || number == EDQUOT;
}

bool can_be_read(sqlite3* db, int which) {
  sqlite3_file* file = nullptr;
  if (sqlite3_file_control(db, "main", which, &file) != SQLITE_OK) return false;
  if (file == nullptr || file->pMethods == nullptr) return true; // no journal is open
  sqlite3_int64 size = 0;
  if (file->pMethods->xFileSize(file, &size) != SQLITE_OK) return false;
  std::string bytes(1 << 16, '\0');
  for (sqlite3_int64 at = 0; at < size; at += static_cast<sqlite3_int64>(bytes.size())) {
    const int code = file->pMethods->xRead(file, bytes.data(), static_cast<int>(bytes.size()), at);
    if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ) return false;
  }
  return true;
}

// SQLite calls a file damaged that the disk only fails to give: its word is taken when every byte can be
// read.
bool gives_every_byte(sqlite3* db) {
  return can_be_read(db, SQLITE_FCNTL_FILE_POINTER) && can_be_read(db, SQLITE_FCNTL_JOURNAL_POINTER);
}

errc code_of(sqlite3* db) {
  switch (sqlite3_errcode(db) & 0xff) {
  case SQLITE_FULL: return errc::disk_full;
  case SQLITE_IOERR: return no_room(db) ? errc::disk_full : errc::io;
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB: return gives_every_byte(db) ? errc::corrupt : errc::io;
  case SQLITE_BUSY:
  case SQLITE_LOCKED: return errc::locked;
  default: return errc::io;
  }
}

} // namespace

failure failure_of(sqlite3* db) {
  std::string text = sqlite3_errmsg(db);
  const int extended = sqlite3_extended_errcode(db);
  text += " (SQLite " + std::to_string(extended) + ")";
  // The system's number is only fresh when the error came from the system.
  if ((extended & 0xff) == SQLITE_IOERR || (extended & 0xff) == SQLITE_CANTOPEN)
    if (const int number = sqlite3_system_errno(db); number != 0)
      text += std::string(": ") + std::strerror(number);
  return {code_of(db), std::move(text)};
}

result<bool> statement::step() {
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    reset();
    return false;
  }
  auto why = failure_of(sqlite3_db_handle(handle_.get()));
  reset();
  return why;
}

result<void> statement::run() {
  auto stepped = step();
  if (!stepped) return stepped.error();
  reset();
  return {};
}

std::string statement::text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(handle_.get(), column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column));
  return bytes == nullptr ? std::string() : std::string(bytes, size);
}

// The caller's bytes outlive the run, so SQLite need not copy them; a null pointer would bind NULL.
void statement::bind(int position, std::string_view value) {
  const char* bytes = value.empty() ? "" : value.data();
  sqlite3_bind_text64(handle_.get(), position, bytes, value.size(), SQLITE_STATIC, SQLITE_UTF8);
}

void statement::bind(int position, const blob& value) {
  const char* bytes = value.bytes.empty() ? "" : value.bytes.data();
  sqlite3_bind_blob64(handle_.get(), position, bytes, value.bytes.size(), SQLITE_STATIC);
}

result<database> database::open(const std::string& path, const std::string& vfs) {
  return open(path, vfs, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
}

result<database> database::open_to_read(const std::string& path) {
  return open(path, {}, SQLITE_OPEN_READONLY);
}

result<database> database::open(const std::string& path, const std::string& vfs, int flags) {
  sqlite3* opened = nullptr;
  flags |= SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path.c_str(), &opened, flags, vfs.empty() ? nullptr : vfs.c_str());
  database db;
  db.handle_.reset(opened);
  if (code != SQLITE_OK) return opened == nullptr ? failure{errc::io, "out of memory"} : db.why();
  sqlite3_extended_result_codes(opened, 1);
  return db;
}

result<statement> database::prepare(std::string_view sql) {
  sqlite3_stmt* prepared = nullptr;
  const int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
  if (code != SQLITE_OK) return why();
  return statement(prepared);
}

result<void> database::exec(const char* sql) {
  if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) return why();
  return {};
}

result<std::string> database::value(const char* sql) {
  auto prepared = prepare(sql);
  if (!prepared) return prepared.error();
  auto row = prepared->step();
  if (!row) return row.error();
  return *row ? prepared->text(0) : std::string();
}

// SQLite's check calls a page that the disk did not give damaged. So its word is taken only when the disk
// gives every byte; then it is asked again, since the trouble may have been a passing one.
result<void> database::check_contents() {
  std::string problem;
  for (int asked = 0; asked < 2; ++asked) {
    auto found = value("PRAGMA quick_check(1)");
    if (!found) return found.error();
    if (*found == "ok") return {};
    problem = *found;
    if (!gives_every_byte(handle())) break;
    sqlite3_db_release_memory(handle()); // what it read before is not what it checks now
  }
  return failure{gives_every_byte(handle()) ? errc::corrupt : errc::io, problem};
}

failure database::why() const {
  return failure_of(handle_.get());
}

} // namespace holdwater::spool::sqlite
