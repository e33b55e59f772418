#include "spool/verify_file.hpp"

#include "spool/sealed_value.hpp"
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
  verifier(sqlite::database db, key_ring_ptr given) : db_(std::move(db)), keys_(std::move(given)) {}

  result<file_report> run() {
    if (auto mark = db_.value("PRAGMA application_id"); !mark)
      return mark.error();
    else if (*mark != std::to_string(spool_application_id))
      return failure{errc::corrupt, "it is not a spool"};
    if (auto version = db_.value("PRAGMA user_version"); !version)
      return version.error();
    else if (has_keys_ = *version == std::to_string(spool_version);
             !has_keys_ && *version != std::to_string(version_without_keys))
      return failure{errc::wrong_version, "its version is " + *version};
    if (auto sound = db_.check_contents(); !sound) {
      out_.wrong.push_back("the database: " + sound.error().context);
      return out_;
    }
    if (has_keys_) {
      auto in_use = keys_in_use(db_);
      if (!in_use) return in_use.error();
      if (auto done = expect_keys(*in_use, keys_); !done) return done.error();
    }
    if (auto done = count(); !done) return done.error();
    if (auto done = read_units(); !done) return done.error();
    return out_;
  }

 private:
  sqlite::database db_;
  key_ring_ptr keys_;
  bool has_keys_ = true;
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
    const std::string first_kept =
        std::string("SELECT value FROM counter WHERE name = '") + (has_keys_ ? "passed'" : "dropped'");
    const auto units_kept = "SELECT count(*) FROM unit WHERE seq > (" + first_kept + ")";
    struct row {
      std::uint64_t* to;
      const char* sql;
    };
    std::uint64_t passed = 0; // settled units up to here are kept no longer
    std::uint64_t units = 0;
    std::uint64_t lost_reasons = 0;
    for (const auto& [to, sql] :
         {row{&out_.pending, "SELECT count(*) FROM unit WHERE state = 0"},
          row{&out_.applied, "SELECT count(*) FROM unit WHERE state = 1"},
          row{&out_.dead, "SELECT count(*) FROM unit WHERE state = 2"}, row{&passed, first_kept.c_str()},
          row{&out_.last, "SELECT value FROM counter WHERE name = 'last'"}, row{&units, units_kept.c_str()},
          row{&lost_reasons,
              "SELECT count(*) FROM unit WHERE state = 2 AND seq NOT IN (SELECT seq FROM dead)"}}) {
      auto value = number(sql);
      if (!value) return value.error();
      *to = *value;
    }
    if (units != out_.last - passed)
      out_.wrong.push_back("numbers are missing: " + std::to_string(units) + " units behind " +
                           std::to_string(passed) + ", up to " + std::to_string(out_.last));
    if (lost_reasons != 0)
      out_.wrong.push_back("dead letters without a reason: " + std::to_string(lost_reasons));
    return {};
  }

  // Each unit that somebody may want again.
  result<void> read_units() {
    const std::string key = has_keys_ ? "unit.key" : "0";
    auto rows = db_.prepare("SELECT unit.seq, body.bytes, dead.reason, " + key +
                            " FROM unit LEFT JOIN body ON body.seq = unit.seq "
                            "LEFT JOIN dead ON dead.seq = unit.seq AND unit.state = 2 "
                            "WHERE unit.state IN (0, 1, 2) ORDER BY unit.seq");
    if (!rows) return rows.error();
    while (true) {
      auto more = rows->step();
      if (!more) return more.error();
      if (!*more) return {};
      if (const auto sound = read_unit(*rows); !sound)
        out_.wrong.push_back("unit " + std::to_string(rows->integer(0)) + ": " + sound.error().context);
    }
  }

  // Columns seq, body, reason, key.
  result<void> read_unit(const sqlite::statement& row) const {
    const auto number = static_cast<seq>(row.integer(0));
    auto body = unseal(keys_, row.text(1), place_of("unit", out_.id, number));
    if (body) body = expand(std::move(*body));
    if (!body) return body.error();
    if (auto decoded = decode_unit(*body); !decoded) return decoded.error();
    if (row.integer(3) == 0 || row.text(2).empty()) return {};
    auto reason = unseal(keys_, row.text(2), place_of("reason", out_.id, number));
    return reason ? result<void>() : result<void>(reason.error());
  }
};

} // namespace

result<file_report> verify_file(const std::string& path, const key_ring_ptr& given) {
  std::error_code failed;
  const auto file = std::filesystem::is_directory(path, failed) ? path + "/spool.db" : path;
  if (auto whole = expect_file_of_wal(file); !whole) return while_doing("looking at " + file, whole.error());
  auto db = sqlite::database::open_to_read(file);
  if (!db) return while_doing("looking at " + file, db.error());
  auto report = verifier(std::move(*db), given).run();
  if (!report && report.error().code == errc::locked)
    return failure{errc::locked, file + " is in use: stop Holdwater first, or look at a copy"};
  if (!report) return while_doing("looking at " + file, report.error());
  return report;
}

} // namespace holdwater::spool
