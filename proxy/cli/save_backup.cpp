#include "proxy/cli/save_backup.hpp"

#include "proxy/cli/part_file.hpp"
#include "proxy/cli/show.hpp"
#include "proxy/cli/talk.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <unistd.h>

namespace holdwater::proxy::cli {
namespace {

namespace json = boost::json;

class saver {
 public:
  saver(const arguments& given, const target& where) : given_(given), where_(where), part_(given.file) {}

  int run() {
    if (::access(given_.file.c_str(), F_OK) == 0) return stop(given_.file + " is there already");
    if (const auto why = part_.open(); !why.empty()) return stop(why);
    auto code = ask_for_it();
    if (code == exit_ok) code = fetch();
    static_cast<void>(ask(where_, "POST", "/spool/backup/forget")); // else the next one replaces it
    if (code == exit_ok) code = keep();
    return code;
  }

 private:
  const arguments& given_;
  const target& where_;
  part_file part_;
  std::uint64_t number_ = 0, bytes_ = 0;

  static int stop(const std::string& why) { return complain(why), 1; }

  static int refused(const answer& told) {
    boost::system::error_code failed;
    const auto value = json::parse(told.body, failed);
    const auto error = failed ? std::string() : text_at(value, "error");
    complain(told.status == 0 ? told.body : error.empty() ? "this is no Holdwater" : error);
    if (told.status == 0 || error.empty()) return exit_unreachable;
    return code_of_refusal(told.status);
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
      if (piece.body.empty() || piece.body.size() > bytes_ - have) return stop("the copy has changed");
      if (const auto why = part_.write(piece.body); !why.empty()) return stop(why);
      have += piece.body.size();
      if (terminal) fmt::print(stderr, "\r{}  {} of {} bytes\x1b[K", bar(have, bytes_), have, bytes_);
    }
    if (terminal) fmt::print(stderr, "\r\x1b[K");
    return exit_ok;
  }

  int keep() {
    if (const auto why = part_.keep_as_new(); !why.empty()) return stop(why);
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
