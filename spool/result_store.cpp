#include "spool/result_store.hpp"

#include "spool/boot_clock.hpp"
#include "spool/byte_codec.hpp"
#include "spool/sealed_value.hpp"
#include "spool/set_aside.hpp"
#include "spool/sqlite.hpp"

#include <boost/crc.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace holdwater::spool {
namespace {

using std::chrono::microseconds;

constexpr int application_id = 0x48577263; // "HWrc"
constexpr char version[] = "2";
constexpr char version_without_keys[] = "1";
constexpr std::size_t crc_size = 4;

constexpr char layout[] = R"(
CREATE TABLE result (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, written_at INTEGER NOT NULL, value BLOB NOT NULL,
  sealed INTEGER NOT NULL DEFAULT 0);
CREATE INDEX result_by_age ON result (written_at);
CREATE TABLE fact (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
)";

result<void> make_private(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return system_failure("creating " + path);
  const bool is_private = ::fchmod(fd, 0600) == 0;
  const auto why = is_private ? failure{} : system_failure("protecting " + path);
  ::close(fd);
  return is_private ? result<void>() : why;
}

result<void> expect_ours(sqlite::database& db) {
  auto objects = db.value("SELECT count(*) FROM sqlite_schema");
  if (!objects) return objects.error();
  auto mark = db.value("PRAGMA application_id");
  if (!mark) return mark.error();
  if (*objects == "0" && *mark == "0") {
    const auto made = "BEGIN;" + std::string(layout) +
                      "PRAGMA application_id=" + std::to_string(application_id) +
                      "; PRAGMA user_version=" + version + "; COMMIT";
    return db.exec(made.c_str());
  }
  auto written = db.value("PRAGMA user_version");
  if (!written) return written.error();
  const bool older = *written == version_without_keys;
  if (*mark != std::to_string(application_id) || (*written != version && !older))
    return failure{errc::corrupt, "it is not a file of results of this version"};
  if (auto sound = db.check_contents(); !sound || !older) return sound;
  const auto made_ours = "BEGIN; ALTER TABLE result ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0; "
                         "PRAGMA user_version=" +
                         std::string(version) + "; COMMIT";
  return db.exec(made_ours.c_str());
}

std::string crc_of(std::string_view bytes) {
  boost::crc_32_type crc;
  crc.process_bytes(bytes.data(), bytes.size());
  std::string out;
  append_little_endian(out, crc.checksum(), crc_size);
  return out;
}

class sqlite_result_store final : public result_store {
 public:
  explicit sqlite_result_store(sqlite::database db) : db_(std::move(db)) {}
  [[nodiscard]] result<void> prepare(const key_ring_ptr& given);

  [[nodiscard]] result<void> put(const std::vector<kept_result>& all) override;
  [[nodiscard]] result<std::optional<kept_result>> get(const std::string& key) override;
  [[nodiscard]] result<void> erase(const std::vector<std::string>& keys) override;
  [[nodiscard]] result<void> clear() override;
  [[nodiscard]] result<void> set_keys(key_ring_ptr fresh) override;
  [[nodiscard]] result<bool> shrink(microseconds written_before, std::uint64_t most_bytes) override;
  [[nodiscard]] result<std::uint64_t> entries() override { return number("SELECT count(*) FROM result"); }
  [[nodiscard]] result<std::uint64_t> bytes() override;

 private:
  [[nodiscard]] result<void> start_clock();
  [[nodiscard]] result<std::string> opened(const std::string& key, std::string value, bool sealed) const;
  [[nodiscard]] result<std::uint64_t> number(const char* sql);

  key_ring_ptr keys_;
  sqlite::database db_; // outlives its statements
  sqlite::statement put_, get_, erase_, drop_old_, drop_oldest_;
  microseconds distance_{0}; // of our time from the time since boot
};

result<void> sqlite_result_store::prepare(const key_ring_ptr& given) {
  if (auto done =
          db_.exec("PRAGMA locking_mode=EXCLUSIVE; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; "
                   "PRAGMA temp_store=MEMORY; PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; "
                   "PRAGMA synchronous=NORMAL; PRAGMA journal_size_limit=4194304");
      !done)
    return done;
  if (auto done = expect_ours(db_); !done) return done;
  const std::pair<sqlite::statement*, const char*> wanted[] = {
      {&put_, "INSERT INTO result (key, written_at, value, sealed) VALUES (?1,?2,?3,?4) ON CONFLICT (key) DO "
              "UPDATE SET written_at=excluded.written_at, value=excluded.value, sealed=excluded.sealed WHERE "
              "excluded.written_at>=written_at"},
      {&get_, "SELECT written_at, value, sealed FROM result WHERE key=?"},
      {&erase_, "DELETE FROM result WHERE key=?"},
      {&drop_old_, "DELETE FROM result WHERE id IN (SELECT id FROM result WHERE written_at<? LIMIT 256)"},
      {&drop_oldest_, "DELETE FROM result WHERE id IN (SELECT id FROM result ORDER BY written_at LIMIT 64)"}};
  for (const auto& [statement, sql] : wanted) {
    auto prepared = db_.prepare(sql);
    if (!prepared) return prepared.error();
    *statement = std::move(*prepared);
  }
  if (auto started = start_clock(); !started) return started;
  return set_keys(given);
}

// Before anything is written with it: a file that says under which key it is sealed holds nothing in clear,
// nor under another key, whenever we are stopped.
result<void> sqlite_result_store::set_keys(key_ring_ptr fresh) {
  keys_ = std::move(fresh);
  auto sealed = db_.value("SELECT value FROM fact WHERE key='sealed'");
  if (!sealed) return sealed.error();
  if (sealing_key(keys_) == nullptr)
    return sealed->empty() ? result<void>() : db_.exec("DELETE FROM fact WHERE key='sealed'");
  const auto by = print_key(sealing_id(keys_));
  if (*sealed == by) return {};
  if (auto done = db_.exec("PRAGMA secure_delete=ON"); !done) return done;
  if (auto done = clear(); !done) return done;
  return db_.exec(("REPLACE INTO fact VALUES ('sealed', '" + by + "')").c_str());
}

result<std::string> sqlite_result_store::opened(const std::string& key, std::string value,
                                                bool sealed) const {
  return sealed ? unseal(keys_, std::move(value), place_of("result", key)) : value;
}

result<void> sqlite_result_store::start_clock() {
  auto fact = db_.value("SELECT value FROM fact WHERE key='clock'");
  if (!fact) return fact.error();
  const auto boot = this_boot();
  if (const auto known = distance_of(*fact, boot)) {
    distance_ = *known;
    return {};
  }
  auto newest = number("SELECT max(written_at) FROM result");
  if (!newest) return newest.error();
  distance_ = std::max(since_epoch(), microseconds(*newest)) - since_boot();
  auto keep = db_.prepare("REPLACE INTO fact VALUES ('clock', ?)");
  if (!keep) return keep.error();
  return keep->with(distance_fact(boot, distance_)).run();
}

result<void> sqlite_result_store::put(const std::vector<kept_result>& all) {
  if (auto begun = db_.exec("BEGIN IMMEDIATE"); !begun) return begun;
  result<void> done;
  for (const auto& one : all) {
    auto value = one.value + crc_of(one.value);
    const auto* const key = sealing_key(keys_);
    if (key != nullptr) value = seal(*key, value, place_of("result", one.key));
    const auto at = (one.written_at + distance_).count();
    done = put_.with(sqlite::blob{one.key}, static_cast<std::int64_t>(at), sqlite::blob{value},
                     key != nullptr ? 1 : 0)
               .run();
    if (!done) break;
  }
  if (done) done = db_.exec("COMMIT");
  if (!done && db_.in_transaction())
    if (auto undone = db_.exec("ROLLBACK"); !undone) return undone;
  return done;
}

result<std::optional<kept_result>> sqlite_result_store::get(const std::string& key) {
  auto found = get_.with(sqlite::blob{key}).step();
  if (!found) return found.error();
  if (!*found) return std::optional<kept_result>();
  auto value = opened(key, get_.text(1), get_.integer(2) != 0);
  kept_result one{key, {}, microseconds(get_.integer(0)) - distance_};
  get_.reset();
  if (!value && value.error().code == errc::wrong_key) return std::optional<kept_result>(); // as good as gone
  if (!value) return failure{errc::corrupt, value.error().context};
  one.value = std::move(*value);
  const auto size = one.value.size() < crc_size ? 0 : one.value.size() - crc_size;
  const auto crc = one.value.substr(size);
  one.value.resize(size);
  if (crc != crc_of(one.value)) return failure{errc::corrupt, "a value is not what was written"};
  return std::optional(std::move(one));
}

result<void> sqlite_result_store::erase(const std::vector<std::string>& keys) {
  for (const auto& key : keys)
    if (auto done = erase_.with(sqlite::blob{key}).run(); !done) return done;
  return {};
}

result<void> sqlite_result_store::clear() {
  return db_.exec("DELETE FROM result; PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)");
}

result<bool> sqlite_result_store::shrink(microseconds written_before, std::uint64_t most_bytes) {
  const auto limit = (written_before + distance_).count();
  if (auto done = drop_old_.with(static_cast<std::int64_t>(limit)).run(); !done) return done.error();
  bool more = db_.changes() > 0;
  auto used = bytes();
  if (!used) return used.error();
  if (*used > most_bytes) {
    if (auto done = drop_oldest_.with().run(); !done) return done.error();
    more = more || db_.changes() > 0;
  }
  if (auto done = db_.exec("PRAGMA incremental_vacuum(256)"); !done) return done.error();
  return more;
}

result<std::uint64_t> sqlite_result_store::number(const char* sql) {
  auto text = db_.value(sql);
  if (!text) return text.error();
  return static_cast<std::uint64_t>(std::strtoull(text->c_str(), nullptr, 10));
}

result<std::uint64_t> sqlite_result_store::bytes() {
  auto pages = number("PRAGMA page_count");
  if (!pages) return pages.error();
  auto unused = number("PRAGMA freelist_count");
  if (!unused) return unused.error();
  auto size = number("PRAGMA page_size");
  if (!size) return size.error();
  return (*pages - std::min(*unused, *pages)) * *size;
}

} // namespace

result<std::unique_ptr<result_store>> open_result_store(const std::string& path, const key_ring_ptr& given) {
  if (auto made = make_private(path); !made) return made.error();
  auto db = sqlite::database::open(path, "");
  if (!db) return db.error();
  auto store = std::make_unique<sqlite_result_store>(std::move(*db));
  if (auto ready = store->prepare(given); !ready) return ready.error();
  return std::unique_ptr<result_store>(std::move(store));
}

result<std::unique_ptr<result_store>>
open_result_store_or_replace(const std::string& path, const key_ring_ptr& given, std::string& damage) {
  if (sealing_key(given) != nullptr) forget_set_aside(path);
  auto store = open_result_store(path, given);
  if (!store && store.error().code == errc::corrupt)
    store = open_result_store(path, given); // a read that failed once looks the same
  if (store || store.error().code != errc::corrupt) return store;
  damage = store.error().context;
  if (auto done = set_aside(path); !done) return done.error();
  if (sealing_key(given) != nullptr) forget_set_aside(path);
  return open_result_store(path, given);
}

} // namespace holdwater::spool
