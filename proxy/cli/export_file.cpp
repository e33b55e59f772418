#include "proxy/cli/export_file.hpp"

#include "proxy/cli/part_file.hpp"
#include "proxy/cli/show.hpp"
#include "proxy/cli/talk.hpp"
#include "proxy/sql_files/unit_head.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <unistd.h>

namespace holdwater::proxy::cli {
namespace {

// Where the text goes.
class sink {
 public:
  // What is wrong, empty when nothing is; also of the others.
  [[nodiscard]] std::string open(const std::string& path) {
    std::error_code failed;
    const auto found = std::filesystem::status(path, failed);
    if (std::filesystem::exists(found) && !std::filesystem::is_regular_file(found)) { // a pipe, /dev/stdout
      device_.open(path, std::ios::binary);
      return device_ ? std::string() : path + " cannot be written";
    }
    const auto whole = std::filesystem::canonical(path, failed); // behind a link
    return part_.emplace(failed ? path : whole.string()).open();
  }

  [[nodiscard]] std::string write(const std::string& text) {
    if (part_) return part_->write(text);
    device_ << text << std::flush;
    return device_ ? std::string() : "it cannot be written to";
  }

  [[nodiscard]] std::string keep() { return part_ ? part_->replace() : std::string(); }

 private:
  std::optional<part_file> part_;
  std::ofstream device_;
};

} // namespace

int export_all(const arguments& given, const target& where) {
  const bool to_file = !given.file.empty();
  sink file;
  std::string wrong;
  if (to_file) wrong = file.open(given.file);
  std::uint64_t units = 0;
  for (auto after = given.after; wrong.empty();) {
    int code = exit_ok;
    const auto part = read_answer(where, "GET", fmt::format("/spool/export?after={}", after), code);
    if (!part) return code;
    const auto* sql = at(*part, "sql").if_string();
    const std::string text = sql ? std::string(*sql) : std::string();
    if (to_file) {
      wrong = file.write(text);
    } else {
      print(given.json ? boost::json::serialize(*part) + "\n" : text);
      wrong = print_fault();
    }
    units += static_cast<std::uint64_t>(number_at(*part, "units"));
    after = static_cast<std::uint64_t>(number_at(*part, "last_seq"));
    if (::isatty(STDERR_FILENO) == 1) fmt::print(stderr, "\r{} units", units);
    if (!is_true(at(*part, "truncated"))) break;
  }
  const auto end = print_end(units); // not behind a part that failed: so what is missing shows
  if (to_file && wrong.empty()) wrong = file.write(end);
  if (to_file && wrong.empty()) wrong = file.keep();
  if (!wrong.empty()) return complain(wrong), 1;
  if (to_file)
    fmt::print(stderr, "{} unit(s) in {}\n", units, given.file);
  else if (!given.json)
    print(end);
  return exit_ok;
}

} // namespace holdwater::proxy::cli
