#include "proxy/cli/save_backup.hpp"

#include "proxy/cli/show.hpp"
#include "spool/sync_folder.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace holdwater::proxy::cli {
namespace {

namespace json = boost::json;

class saver {
 public:
  saver(const arguments& given, const target& where)
      : given_(given), where_(where), part_(given.file + ".part") {}
  ~saver() {
    if (file_ < 0) return;
    ::unlink(part_.c_str());
    ::close(file_);
  }
  saver(const saver&) = delete;
  saver& operator=(const saver&) = delete;

  int run() {
    if (::access(given_.file.c_str(), F_OK) == 0) return complain(given_.file + " is there already");
    if (const auto why = make_part(); !why.empty()) return complain(part_ + ": " + why);
    auto code = ask_for_it();
    if (code == exit_ok) code = fetch();
    static_cast<void>(ask(where_, "POST", "/spool/backup/forget")); // else the next one replaces it
    if (code == exit_ok) code = keep();
    return code;
  }

 private:
  const arguments& given_;
  const target& where_;
  std::string part_;
  int file_ = -1;
  std::uint64_t number_ = 0, bytes_ = 0;

  // Who writes it holds its lock: so what an attempt that was killed has left is known from one that runs.
  std::string make_part() {
    constexpr int how = O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    if (const int left = ::open(part_.c_str(), how); left >= 0) {
      const bool mine = lock(left);
      if (mine) ::unlink(part_.c_str());
      ::close(left);
      if (!mine) return "another backup writes it, or it is no file of this user's";
    }
    const int made = ::open(part_.c_str(), how | O_CREAT | O_EXCL, 0600);
    if (made < 0) return std::strerror(errno);
    if (lock(made)) {
      file_ = made;
      return {};
    }
    ::close(made);
    return "another backup has taken it away";
  }

  // False: it is somebody's, or no plain file, or not the one of that name any more.
  [[nodiscard]] bool lock(int file) const {
    struct stat opened {
    }, named{};
    return ::flock(file, LOCK_EX | LOCK_NB) == 0 && ::fstat(file, &opened) == 0 &&
           ::lstat(part_.c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
           opened.st_dev == named.st_dev && S_ISREG(opened.st_mode) && opened.st_uid == ::geteuid();
  }

  static int complain(const std::string& text) {
    fmt::print(stderr, "holdwater: {}\n", text);
    return 1;
  }

  static int refused(const answer& told) {
    boost::system::error_code failed;
    const auto value = json::parse(told.body, failed);
    const auto error = failed ? std::string() : text_at(value, "error");
    complain(told.status == 0 ? told.body : error.empty() ? "this is no Holdwater" : error);
    if (told.status == 0 || error.empty()) return exit_unreachable;
    return told.status == 401 || told.status == 403 || told.status == 429 ? exit_not_allowed : 1;
  }

  int ask_for_it() {
    const auto told = ask(where_, "POST", "/spool/backup", std::chrono::minutes(11));
    if (told.status != 200) return refused(told);
    boost::system::error_code failed;
    const auto made = json::parse(told.body, failed);
    if (failed) return refused({0, "this is no Holdwater"});
    number_ = static_cast<std::uint64_t>(number_at(made, "number"));
    bytes_ = static_cast<std::uint64_t>(number_at(made, "bytes"));
    return exit_ok;
  }

  int fetch() {
    const bool terminal = ::isatty(STDERR_FILENO) == 1;
    for (std::uint64_t have = 0; have < bytes_;) {
      const auto piece =
          ask(where_, "GET", fmt::format("/spool/backup/bytes?number={}&after={}", number_, have));
      if (piece.status != 200) return refused(piece);
      if (piece.body.empty() || piece.body.size() > bytes_ - have) return complain("the copy has changed");
      if (!write(piece.body)) return complain(part_ + ": " + std::strerror(errno));
      have += piece.body.size();
      if (terminal) fmt::print(stderr, "\r{}  {} of {} bytes\x1b[K", bar(have, bytes_), have, bytes_);
    }
    if (terminal) fmt::print(stderr, "\r\x1b[K");
    return exit_ok;
  }

  [[nodiscard]] bool write(const std::string& bytes) const {
    for (std::size_t at = 0; at < bytes.size();) {
      const auto done = ::write(file_, bytes.data() + at, bytes.size() - at);
      if (done < 0 && errno == EINTR) continue;
      if (done <= 0) return false;
      at += static_cast<std::size_t>(done);
    }
    return true;
  }

  // link() takes no name that is there.
  int keep() {
    if (::fsync(file_) != 0 || ::link(part_.c_str(), given_.file.c_str()) != 0)
      return complain(given_.file + ": " + std::strerror(errno));
    if (const auto named = spool::sync_folder_of(given_.file); !named) return complain(named.error().context);
    if (given_.json)
      fmt::print("{}\n", json::serialize(json::object{{"file", given_.file}, {"bytes", bytes_}}));
    else
      fmt::print("{} bytes in {}\n", bytes_, given_.file);
    return exit_ok;
  }
};

} // namespace

int save_backup(const arguments& given, const target& where) {
  return saver(given, where).run();
}

} // namespace holdwater::proxy::cli
