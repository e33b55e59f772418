#include "spool/backup.hpp"

#include "spool/spool_file.hpp"
#include "spool/writer_queue.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

namespace holdwater::spool {
namespace {

constexpr int pages_of_a_step = 256;

result<void> make_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return system_failure("creating " + path);
  ::close(fd);
  return {};
}

using copied = std::function<void(result<void>)>;

failure closed() {
  return {errc::closed, "the spool was shut down"};
}

// On the writer's thread.
void go_on(writer_queue& queue, const std::shared_ptr<file_copy>& copy, const copied& done) {
  const auto more = copy->step();
  if (more && *more && queue.push(read_job([&queue, copy, done](store&) { go_on(queue, copy, done); })))
    return;
  copy->end();
  if (!more) return done(more.error());
  done(*more ? result<void>(closed()) : result<void>());
}

} // namespace

void copy_file(writer_queue& queue, const std::string& path, const copied& done) {
  const bool queued = queue.push(read_job([&queue, path, done](store& file) {
    auto copy = file.begin_copy(path);
    if (!copy) return done(while_doing("copying to " + path, copy.error()));
    go_on(queue, *copy, done);
  }));
  if (!queued) done(closed());
}

result<std::shared_ptr<file_copy>> file_copy::begin(sqlite::database& from, const std::string& path) {
  if (auto made = make_file(path); !made) return made.error();
  auto copy = std::make_shared<file_copy>();
  auto db = sqlite::database::open(path, "");
  if (!db) return db.error();
  copy->to_ = std::move(*db);
  // It is worth nothing until it is whole.
  if (auto done = copy->to_.exec("PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF"); !done)
    return done.error();
  copy->running_ = sqlite3_backup_init(copy->to_.handle(), "main", from.handle(), "main");
  if (copy->running_ == nullptr) return copy->to_.why();
  return copy;
}

result<bool> file_copy::step() {
  const int code = sqlite3_backup_step(running_, pages_of_a_step);
  if (code == SQLITE_OK) return true;
  if (code != SQLITE_DONE) return failure{errc::io, std::string("copying: ") + sqlite3_errstr(code)};
  const int ended = sqlite3_backup_finish(std::exchange(running_, nullptr));
  if (ended != SQLITE_OK) return failure{errc::io, std::string("copying: ") + sqlite3_errstr(ended)};
  to_ = {};
  return false;
}

void file_copy::end() {
  if (running_ != nullptr) sqlite3_backup_finish(std::exchange(running_, nullptr));
  to_ = {};
}

result<std::uint64_t> finish_copy(const std::string& path) {
  auto db = sqlite::database::open(path, "");
  if (!db) return db.error();
  const auto mark =
      "PRAGMA locking_mode=EXCLUSIVE; INSERT INTO fact VALUES ('" + std::string(backup_fact) +
      "', strftime('%Y-%m-%d %H:%M:%S')) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
  if (auto done = db->exec(mark.c_str()); !done) return done.error();
  auto mode = db->value("PRAGMA journal_mode=DELETE"); // nothing is left in a WAL
  if (!mode) return mode.error();
  if (*mode != "delete") return failure{errc::io, "the copy kept its WAL"};
  *db = {};
  std::error_code failed;
  const auto size = std::filesystem::file_size(path, failed);
  if (failed) return failure{errc::io, path + ": " + failed.message()};
  return size;
}

} // namespace holdwater::spool
