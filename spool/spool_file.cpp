#include "spool/spool_file.hpp"

#include "spool/sync_folder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <random>

namespace holdwater::spool {
namespace {

// Bodies have a table of their own, so that settling a unit rewrites a short row and not its statements.
constexpr char schema[] = R"(
CREATE TABLE unit (
  seq         INTEGER PRIMARY KEY,
  state       INTEGER NOT NULL,
  bytes       INTEGER NOT NULL,
  accepted_at INTEGER NOT NULL,
  settled_at  INTEGER NOT NULL,
  attempted   INTEGER NOT NULL,
  tables      BLOB NOT NULL,
  key         INTEGER NOT NULL
);
CREATE INDEX unit_by_state ON unit (state, seq);
CREATE TABLE body (seq INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE dead (
  seq       INTEGER PRIMARY KEY,
  number    INTEGER NOT NULL,
  sql_state TEXT NOT NULL,
  reason    TEXT NOT NULL,
  died_at   INTEGER NOT NULL
);
CREATE TABLE fact (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO counter VALUES ('last', 0), ('dropped', 0), ('passed', 0), ('undone', 0);
)";

// SQLite would make it readable to all; the statements in it are the application's data. Its other files take
// over this one's mode.
result<void> make_private_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return errno == EEXIST ? result<void>() : system_failure("creating " + path);
  ::close(fd);
  return sync_folder_of(path);
}

std::string random_id() {
  std::random_device source;
  std::string id;
  for (int word = 0; word < 4; ++word) {
    char digits[9];
    std::snprintf(digits, sizeof digits, "%08x", source());
    id += digits;
  }
  return id;
}

result<bool> is_empty(sqlite::database& db) {
  auto objects = db.value("SELECT count(*) FROM sqlite_schema");
  if (!objects) return objects.error();
  auto mark = db.value("PRAGMA application_id");
  if (!mark) return mark.error();
  return *objects == "0" && *mark == "0";
}

// Tells the version.
result<int> check_mark(sqlite::database& db) {
  auto mark = db.value("PRAGMA application_id");
  if (!mark) return mark.error();
  if (*mark != std::to_string(spool_application_id)) return failure{errc::corrupt, "it is not a spool"};
  auto version = db.value("PRAGMA user_version");
  if (!version) return version.error();
  if (*version != std::to_string(spool_version) && *version != std::to_string(version_without_keys))
    return failure{errc::wrong_version,
                   "its version is " + *version + ", ours " + std::to_string(spool_version)};
  return std::stoi(*version);
}

result<void> check_contents(sqlite::database& db) {
  if (auto sound = db.check_contents(); !sound) return sound;
  auto ahead =
      db.value("SELECT count(*) FROM unit WHERE seq > (SELECT value FROM counter WHERE name = 'last')");
  if (!ahead) return ahead.error();
  if (*ahead != "0") return failure{errc::corrupt, "it holds units that were never numbered"};
  return {};
}

result<void> check_keys(sqlite::database& db, int version, const key_ring_ptr& given) {
  if (version == version_without_keys) return {};
  auto in_use = keys_in_use(db);
  if (!in_use) return in_use.error();
  return expect_keys(*in_use, given);
}

result<void> make_schema(sqlite::database& db, const key_ring_ptr& given) {
  const auto marks = "PRAGMA application_id=" + std::to_string(spool_application_id) +
                     "; PRAGMA user_version=" + std::to_string(spool_version) + ";";
  const auto id = "INSERT INTO fact VALUES ('spool.id', '" + random_id() + "');";
  const auto wiped =
      sealing_key(given) ? "INSERT INTO fact VALUES ('" + std::string(wiped_fact) + "', '1');" : "";
  for (const auto& text : {std::string("BEGIN EXCLUSIVE;") + schema, marks, id, wiped, std::string("COMMIT")})
    if (auto done = db.exec(text.c_str()); !done) return done.error();
  return {};
}

result<void> expect(sqlite::database& db, const char* set, const char* get, const char* wanted) {
  if (auto done = db.exec(set); !done) return done.error();
  auto value = db.value(get);
  if (!value) return value.error();
  if (*value != wanted) return failure{errc::not_durable, std::string(get) + " says " + *value};
  return {};
}

// EXCLUSIVE before the first access: SQLite then keeps the WAL's index in our memory, and the operating
// system's locks on the file, which end with the process, keep others out.
result<void> take(sqlite::database& db) {
  if (auto done = expect(db, "PRAGMA locking_mode=EXCLUSIVE", "PRAGMA locking_mode", "exclusive"); !done)
    return done;
  sqlite3_db_config(db.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_db_config(db.handle(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  // Zero pages: checkpoints happen where the writer chooses, after its callers were answered.
  return db.exec("PRAGMA wal_autocheckpoint=0; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"
                 "PRAGMA temp_store=MEMORY");
}

result<void> make_durable(sqlite::database& db) {
  if (auto done = expect(db, "PRAGMA journal_mode=WAL", "PRAGMA journal_mode", "wal"); !done) return done;
  return expect(db, "PRAGMA synchronous=FULL", "PRAGMA synchronous", "2");
}

// In one commit: the file is of the one version or of the other, whenever we are stopped.
result<void> make_ours(sqlite::database& db, int version) {
  if (version == spool_version) return {};
  const auto text =
      "BEGIN IMMEDIATE; ALTER TABLE unit ADD COLUMN key INTEGER NOT NULL DEFAULT 0; "
      "INSERT INTO counter SELECT 'passed', coalesce((SELECT max(seq) - 1 FROM unit AS one WHERE NOT EXISTS "
      "(SELECT 1 FROM unit WHERE unit.seq = one.seq - 1)), (SELECT value FROM counter WHERE name = 'last')); "
      "PRAGMA user_version=" +
      std::to_string(spool_version) + "; COMMIT";
  return db.exec(text.c_str());
}

// What is written from now on is in clear, if there is no key: that is noted before.
result<void> note_clear_values(sqlite::database& db, const key_ring_ptr& given) {
  if (sealing_key(given) != nullptr) return {};
  const auto where = " FROM fact WHERE key = '" + std::string(wiped_fact) + "'";
  auto noted = db.value(("SELECT count(*)" + where).c_str());
  if (!noted) return noted.error();
  return *noted == "0" ? result<void>() : db.exec(("DELETE" + where).c_str());
}

result<void> prepare(sqlite::database& db, const key_ring_ptr& given) {
  if (auto done = take(db); !done) return done;
  auto empty = is_empty(db);
  if (!empty) return empty.error();
  int version = spool_version;
  if (!*empty) {
    auto found = check_mark(db);
    if (!found) return found.error();
    version = *found;
    if (auto done = check_contents(db); !done) return done;
    if (auto done = check_keys(db, version, given); !done) return done;
  } else if (auto done = db.exec("PRAGMA auto_vacuum=INCREMENTAL"); !done) {
    return done; // only an empty file can be told
  }
  if (auto done = make_durable(db); !done) return done;
  if (*empty) return make_schema(db, given);
  if (auto done = db.expect_writable(); !done) return done;
  if (auto done = make_ours(db, version); !done) return done;
  return note_clear_values(db, given);
}

result<sqlite::database> try_to_open(const sqlite_spool_options& options) {
  if (options.vfs.empty()) {
    if (auto whole = expect_file_of_wal(options.path); !whole) return whole.error();
    if (auto made = make_private_file(options.path); !made) return made.error();
  }
  auto db = sqlite::database::open(options.path, options.vfs);
  if (!db) return db.error();
  if (auto ready = prepare(*db, options.data_keys); !ready) return ready.error();
  if (options.vfs.empty()) // the WAL is made now
    if (auto named = sync_folder_of(options.path); !named) return named.error();
  // Now that it is known to be sound, closing may fold the WAL into the file.
  sqlite3_db_config(db->handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  return db;
}

} // namespace

result<std::vector<key_id>> keys_in_use(sqlite::database& db) {
  auto rows = db.prepare("SELECT DISTINCT key FROM unit WHERE state IN (0, 1, 2)");
  if (!rows) return rows.error();
  std::vector<key_id> found;
  while (true) {
    auto more = rows->step();
    if (!more) return more.error();
    if (!*more) return found;
    found.push_back(static_cast<key_id>(rows->integer(0)));
  }
}

result<void> expect_keys(const std::vector<key_id>& in_use, const key_ring_ptr& given) {
  std::string missing;
  for (const auto id : in_use)
    if (id != 0 && (!given || given->find(id) == nullptr))
      missing += (missing.empty() ? "" : ", ") + print_key(id);
  if (missing.empty()) return {};
  const auto names = given ? given->names() : std::string();
  return failure{errc::wrong_key, "its writes are encrypted with key " + missing + ", which is missing; " +
                                      (names.empty() ? "no key is given" : "given: " + names)};
}

// A file's first page is synced before its WAL is made, so no crash leaves a shorter one beside a WAL. SQLite
// takes one of a single byte for empty, too.
result<void> expect_file_of_wal(const std::string& path) {
  const auto size_of = [](const std::string& file) {
    std::error_code missing;
    const auto size = std::filesystem::file_size(file, missing);
    return missing ? 0 : size;
  };
  const auto wal = path + "-wal";
  std::error_code ignored; // then it is not there
  const bool is_link = std::filesystem::symlink_status(wal, ignored).type() ==
                       std::filesystem::file_type::symlink; // whoever opens it refuses that
  constexpr std::uintmax_t header = 100;                    // SQLite "Database File Format"
  if (is_link || size_of(wal) == 0 || size_of(path) >= header) return {};
  return failure{errc::corrupt, "it is missing, empty or cut, and writes that were acknowledged may be in " +
                                    wal + ", which belongs to it: put the file back, or move that one away"};
}

failure while_doing(const std::string& doing, const failure& why) {
  return {why.code, doing + ": " + why.context};
}

result<sqlite::database> open_spool_file(const sqlite_spool_options& options) {
  auto opened = try_to_open(options);
  if (!opened && opened.error().code == errc::corrupt)
    opened = try_to_open(options); // a read that failed once looks the same
  if (!opened) return while_doing("opening " + options.path, opened.error());
  return opened;
}

} // namespace holdwater::spool
