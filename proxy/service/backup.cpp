// Copies of the queue for who asks at the HTTP port. The asker names no path: the copy is made in the data
// directory, its bytes go to him, and he writes the file.
#include "proxy/service/service.hpp"

#include "admin/server.hpp"
#include "spool/backup.hpp"

#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <fstream>

namespace holdwater::proxy {

void service::remove_backup() {
  backup_ = 0;
  std::error_code failed; // what stays is overwritten by nothing, and named by the next attempt
  for (const char* tail : {"", "-wal", "-shm", "-journal"})
    std::filesystem::remove(backup_path() + tail, failed);
}

// A copy must not take the room that queued writes need.
std::string service::no_backup_now() const {
  if (!spool_) return "the spool is off";
  if (backing_up_) return "a backup is being made already";
  constexpr std::uintmax_t margin = 64ULL << 20;
  std::error_code failed;
  std::uintmax_t size = 0;
  for (const char* tail : {"", "-wal"}) {
    const auto one = std::filesystem::file_size(settings_.data_dir + "/spool.db" + tail, failed);
    size += failed ? 0 : one;
  }
  const auto room = std::filesystem::space(settings_.data_dir, failed);
  if (failed) return fmt::format("{}: {}", settings_.data_dir, failed.message());
  if (room.available < size + margin)
    return fmt::format("too little room in {}: a copy takes {} bytes, and 64 MiB stay free",
                       settings_.data_dir, size);
  return {};
}

void service::back_up(std::function<void(admin::backup_report, std::string)> done) {
  asio::post(slow_work_, [this, done = std::move(done)] {
    if (auto why = no_backup_now(); !why.empty()) return done({}, why);
    remove_backup();
    backing_up_ = true;
    spool_->copy_to(backup_path(), [this, done](spool::result<void> copied) {
      asio::post(slow_work_, [this, done, copied = std::move(copied)] {
        backing_up_ = false;
        const auto size = copied ? spool::finish_copy(backup_path()) : copied.error();
        if (!size) {
          remove_backup();
          return done({}, size.error().context);
        }
        backup_ = ++backups_;
        spdlog::info("a backup of the queue was made: {} bytes", *size);
        done({backup_, *size}, {});
      });
    });
  });
}

void service::read_backup(std::uint64_t number, std::uint64_t after, std::size_t most,
                          std::function<void(std::string, std::string)> done) {
  asio::post(slow_work_, [this, number, after, most, done = std::move(done)] {
    if (number == 0 || number != backup_) return done({}, "there is no backup of that number any more");
    std::ifstream file(backup_path(), std::ios::binary);
    std::string bytes(most, '\0');
    file.seekg(static_cast<std::streamoff>(after));
    file.read(bytes.data(), static_cast<std::streamsize>(most));
    if (file.bad() || !file.is_open()) return done({}, "the backup cannot be read");
    bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
    done(std::move(bytes), {});
  });
}

void service::forget_backup(completion done) {
  asio::post(slow_work_, [this, done = std::move(done)] {
    if (backing_up_) return done({false, "a backup is being made", 0});
    remove_backup();
    done({true, {}, 0});
  });
}

} // namespace holdwater::proxy
