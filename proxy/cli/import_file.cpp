#include "proxy/cli/import_file.hpp"

#include "proxy/cli/show.hpp"
#include "proxy/cli/talk.hpp"
#include "proxy/sql_files/import_part.hpp"
#include "proxy/sql_files/unit_reader.hpp"

#include "protocol/c_ptr.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace holdwater::proxy::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t part_bytes = 1 << 20; // past it a part is sent
constexpr std::size_t part_units = 500;
constexpr std::size_t most_part_bytes = 63 << 20; // the port takes 64 MiB

int fail(const std::string& text) {
  complain(text);
  return 1;
}

// SHA-256 of what is left of it, in hex; empty when it cannot be read.
std::string digest_of(std::istream& file) {
  const protocol::c_ptr<EVP_MD_CTX, &EVP_MD_CTX_free> running(EVP_MD_CTX_new());
  if (!running || EVP_DigestInit_ex(running.get(), EVP_sha256(), nullptr) != 1) return {};
  std::array<char, 65536> piece{};
  while (file.read(piece.data(), piece.size()) || file.gcount() > 0)
    if (EVP_DigestUpdate(running.get(), piece.data(), static_cast<std::size_t>(file.gcount())) != 1)
      return {};
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (file.bad() || EVP_DigestFinal_ex(running.get(), digest.data(), &size) != 1) return {};
  std::string out;
  for (unsigned i = 0; i < size; ++i) out += fmt::format("{:02x}", digest[i]);
  return out;
}

class importer {
 public:
  importer(const arguments& given, const target& where) : given_(given), where_(where) {}

  int run() {
    const auto before = look();
    if (!before) return fail(fmt::format("{}: {}", given_.file, std::strerror(errno)));
    if (!S_ISREG(before->st_mode)) return fail(given_.file + " is no file that can be read twice");
    size_ = static_cast<std::uint64_t>(before->st_size);
    checks_ = true;
    int code = send(); // whether it would be taken at all
    if (code == exit_ok) code = read();
    if (code != exit_ok || given_.only_check) return code == exit_ok ? report() : code;
    const auto now = look();
    if (!now || now->st_size != before->st_size || now->st_mtim.tv_sec != before->st_mtim.tv_sec ||
        now->st_mtim.tv_nsec != before->st_mtim.tv_nsec)
      return fail(given_.file + " was changed while it was checked; nothing was taken");
    if (!find_source()) return fail(given_.file + " cannot be read again");
    checks_ = false;
    code = read();
    return code == exit_ok ? report() : code;
  }

 private:
  const arguments& given_;
  const target& where_;
  std::uint64_t size_ = 0, drawn_ = 0;
  bool checks_ = true;   // in the first of two rounds
  bool numbered_ = true; // each unit says which number of which queue it is
  std::string source_;
  import_part part_;
  std::size_t bytes_ = 0;                             // of the part
  std::vector<std::vector<std::uint64_t>> lines_;     // of the part's units, each statement's
  std::uint64_t units_ = 0, taken_ = 0, skipped_ = 0; // in this round
  std::uint64_t done_line_ = 0;                       // up to it all is taken
  std::uint64_t last_line_ = 0, last_seq_ = 0;

  [[nodiscard]] std::optional<struct stat> look() const {
    struct stat found {};
    return ::stat(given_.file.c_str(), &found) == 0 ? std::optional(found) : std::nullopt;
  }

  // A queue's own numbers know a write again in any file; without them it is the file that is known again.
  [[nodiscard]] bool find_source() {
    if (!given_.source.empty()) source_ = "as." + given_.source;
    if (!source_.empty()) return true;
    std::ifstream file(given_.file, std::ios::binary);
    const auto digest = digest_of(file);
    source_ = "file." + digest;
    return !digest.empty();
  }

  int read() {
    std::ifstream file(given_.file, std::ios::binary);
    unit_reader units(file, given_.account);
    units_ = 0;
    read_unit one;
    auto got = units.next(one);
    for (; got == unit_reader::outcome::unit; got = units.next(one)) {
      if (checks_ && units_ == 0) {
        numbered_ = one.head.number != 0 && !one.head.queue.empty();
        if (numbered_) source_ = one.head.queue;
      }
      ++units_;
      if (const auto code = add(std::move(one)); code != exit_ok) return code;
      draw(units.bytes());
    }
    auto code = exit_ok;
    if (got == unit_reader::outcome::wrong) code = stop(units.error());
    if (code == exit_ok && !part_.units.empty()) code = send();
    clear();
    return code;
  }

  int add(read_unit one) {
    std::size_t bytes = 0;
    for (const auto& each : one.what.statements) {
      bytes += each.text.size();
      for (const auto& [name, literal] : each.user_variables) bytes += name.size() + literal.size();
    }
    if (bytes > most_part_bytes)
      return stop(fmt::format("line {}: the transaction is larger than can be imported", one.lines.front()));
    if (bytes_ + bytes > part_bytes)
      if (const auto code = send(); code != exit_ok) return code;
    bytes_ += bytes;
    lines_.push_back(std::move(one.lines));
    last_line_ = one.last_line;
    part_.units.push_back({numbered_ ? one.head.number : units_, std::move(one.what)});
    return part_.units.size() < part_units ? exit_ok : send();
  }

  int send() {
    part_.source = source_;
    const auto told = ask(where_, "POST", checks_ ? "/spool/import?check=1" : "/spool/import",
                          std::chrono::minutes(2), encode_part(part_));
    boost::system::error_code failed;
    const auto value = json::parse(told.body, failed);
    if (told.status != 200 || failed) return refused(told, failed ? json::value() : value);
    taken_ += static_cast<std::uint64_t>(number_at(value, "taken"));
    skipped_ += static_cast<std::uint64_t>(number_at(value, "skipped"));
    if (number_at(value, "last_seq") > 0)
      last_seq_ = static_cast<std::uint64_t>(number_at(value, "last_seq"));
    done_line_ = last_line_;
    part_.units.clear();
    lines_.clear();
    bytes_ = 0;
    return exit_ok;
  }

  int refused(const answer& told, const json::value& value) {
    const auto error = told.status == 0 ? told.body : text_at(value, "error");
    auto text = error.empty() ? std::string("this is no Holdwater that takes imports") : error;
    const auto unit = static_cast<std::size_t>(number_at(value, "unit"));
    const auto statement = static_cast<std::size_t>(number_at(value, "statement"));
    const auto* whole = value.if_object();
    if (whole && whole->contains("unit") && unit < lines_.size() && statement < lines_[unit].size())
      text = fmt::format("line {}: {}", lines_[unit][statement], text);
    static_cast<void>(stop(text, told.status == 0));
    if (told.status == 0 || error.empty()) return exit_unreachable;
    return code_of_refusal(told.status);
  }

  int stop(const std::string& why, bool answer_lost = false) {
    clear();
    complain(fmt::format("{}: {}", given_.file, why));
    if (checks_) return fail("nothing was taken");
    return fail(fmt::format(
        "it stopped: {} write(s) up to line {} were taken, and {} behind it; run it again to go on",
        taken_ + skipped_, done_line_, answer_lost ? "perhaps some" : "nothing"));
  }

  // Two rounds: the first half of the bar is the check.
  void draw(std::uint64_t bytes) {
    constexpr std::uint64_t steps = 200;
    if (size_ == 0 || ::isatty(STDERR_FILENO) != 1) return;
    const auto step = std::min(bytes, size_) * steps / size_;
    if (std::exchange(drawn_, step) == step) return;
    const auto rounds = given_.only_check ? 1 : 2;
    const auto done = std::min(bytes, size_) + (checks_ ? 0 : size_);
    fmt::print(stderr, "\r{}  {} {}\x1b[K", bar(done, size_ * static_cast<std::uint64_t>(rounds)), units_,
               checks_ ? "checked" : "taken");
  }
  static void clear() {
    if (::isatty(STDERR_FILENO) == 1) fmt::print(stderr, "\r\x1b[K");
  }

  [[nodiscard]] int report() const {
    if (given_.json) {
      fmt::print("{}\n", json::serialize(json::object{{"file", given_.file},
                                                      {"source", source_},
                                                      {"units", units_},
                                                      {"taken", taken_},
                                                      {"skipped", skipped_},
                                                      {"last_seq", last_seq_}}));
    } else if (given_.only_check) {
      fmt::print("{} write(s) could be queued\n", units_);
    } else {
      fmt::print("{} write(s) queued{}{}\n", taken_,
                 taken_ > 0 ? fmt::format(", numbered up to {}", last_seq_) : std::string(),
                 skipped_ > 0 ? fmt::format("; {} were taken before", skipped_) : std::string());
    }
    return exit_ok;
  }
};

} // namespace

int import_file(const arguments& given, const target& where) {
  return importer(given, where).run();
}

} // namespace holdwater::proxy::cli
