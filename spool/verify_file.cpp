#include "spool/verify_file.hpp"

#include "spool/spool_file.hpp"
#include "spool/sqlite.hpp"
#include "spool/store.hpp"
#include "spool/unit_codec.hpp"

#include <charconv>
#include <filesystem>

namespace holdwater::spool {
namespace {

class verifier {
 public:
  explicit verifier(sqlite::database db) : db_(std::move(db)) {}

  result<file_report> run() {
    if (auto mark = db_.value("PRAGMA application_id"); !mark)
      return mark.error();
    else if (*mark != std::to_string(spool_application_id))
      return failure{errc::corrupt, "it is not a spool"};
    if (auto version = db_.value("PRAGMA user_version"); !version)
      return version.error();
    else if (*version != std::to_string(spool_version))
      return failure{errc::wrong_version, "its version is " + *version};
    if (auto sound = db_.check_contents(); !sound) {
      out_.wrong.push_back("the database: " + sound.error().context);
      return out_;
    }
    if (auto done = count(); !done) return done.error();
    if (auto done = read_units(); !done) return done.error();
    return out_;
  }

 private:
  sqlite::database db_;
  file_report out_;

  result<std::uint64_t> number(const char* sql) {
    auto text = db_.value(sql);
    if (!text) return text.error();
    std::uint64_t value = 0;
    std::from_chars(text->data(), text->data() + text->size(), value);
    return value;
  }

  result<void> count() {
    auto id = db_.value("SELECT value FROM fact WHERE key = 'spool.id'");
    if (!id) return id.error();
    out_.id = *id;
    if (out_.id.empty()) out_.wrong.push_back("its id is missing");
    struct row {
      std::uint64_t* to;
      const char* sql;
    };
    std::uint64_t dropped = 0; // settled units up to here are kept no longer, but for dead letters
    std::uint64_t units = 0;
    std::uint64_t lost_reasons = 0;
    for (const auto& [to, sql] :
         {row{&out_.pending, "SELECT count(*) FROM unit WHERE state = 0"},
          row{&out_.applied, "SELECT count(*) FROM unit WHERE state = 1"},
          row{&out_.dead, "SELECT count(*) FROM unit WHERE state = 2"},
          row{&dropped, "SELECT value FROM counter WHERE name = 'dropped'"},
          row{&out_.last, "SELECT value FROM counter WHERE name = 'last'"},
          row{&units,
              "SELECT count(*) FROM unit WHERE seq > (SELECT value FROM counter WHERE name = 'dropped')"},
          row{&lost_reasons,
              "SELECT count(*) FROM unit WHERE state = 2 AND seq NOT IN (SELECT seq FROM dead)"}}) {
      auto value = number(sql);
      if (!value) return value.error();
      *to = *value;
    }
    if (units != out_.last - dropped)
      out_.wrong.push_back("numbers are missing: " + std::to_string(units) + " units behind " +
                           std::to_string(dropped) + ", up to " + std::to_string(out_.last));
    if (lost_reasons != 0)
      out_.wrong.push_back("dead letters without a reason: " + std::to_string(lost_reasons));
    return {};
  }

  // Each unit that somebody may want again.
  result<void> read_units() {
    auto rows = db_.prepare("SELECT unit.seq, body.bytes FROM unit LEFT JOIN body ON body.seq = unit.seq "
                            "WHERE unit.state IN (0, 1, 2) ORDER BY unit.seq");
    if (!rows) return rows.error();
    while (true) {
      auto more = rows->step();
      if (!more) return more.error();
      if (!*more) return {};
      const auto decoded = decode_unit(rows->text(1));
      if (!decoded)
        out_.wrong.push_back("unit " + std::to_string(rows->integer(0)) + ": " + decoded.error().context);
    }
  }
};

} // namespace

result<file_report> verify_file(const std::string& path) {
  std::error_code failed;
  const auto file = std::filesystem::is_directory(path, failed) ? path + "/spool.db" : path;
  auto db = sqlite::database::open_to_read(file);
  if (!db) return while_doing("looking at " + file, db.error());
  auto report = verifier(std::move(*db)).run();
  if (!report && report.error().code == errc::locked)
    return failure{errc::locked, file + " is in use: stop Holdwater first, or look at a copy"};
  if (!report) return while_doing("looking at " + file, report.error());
  return report;
}

} // namespace holdwater::spool
