#include "proxy/insert_ids/id_store.hpp"

#include "spool/set_aside.hpp"
#include "spool/sync_folder.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <utility>

namespace holdwater::proxy {
namespace {

using spool::result;

constexpr auto layout_version = "1";
constexpr auto layout = R"(
CREATE TABLE IF NOT EXISTS facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tables (
  schema_name TEXT, table_name TEXT, engine TEXT NOT NULL, created TEXT NOT NULL, column_name TEXT NOT NULL,
  column_type TEXT NOT NULL, position INTEGER NOT NULL, hidden INTEGER NOT NULL, seen INTEGER NOT NULL,
  used INTEGER NOT NULL, full INTEGER NOT NULL, stale INTEGER NOT NULL, PRIMARY KEY (schema_name, table_name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ranges (
  schema_name TEXT, table_name TEXT, place INTEGER, first INTEGER NOT NULL, last INTEGER NOT NULL,
  step INTEGER NOT NULL, durable INTEGER NOT NULL, PRIMARY KEY (schema_name, table_name, place)) WITHOUT ROWID;
)";

std::uint64_t number(const spool::sqlite::statement& row, int column) {
  return static_cast<std::uint64_t>(row.integer(column));
}

result<void> expect(spool::sqlite::database& db, const char* pragma, std::string_view wanted) {
  auto value = db.value(pragma);
  if (!value) return value.error();
  if (*value == wanted) return {};
  return spool::failure{spool::errc::not_durable, fmt::format("{} gave {}, not {}", pragma, *value, wanted)};
}

result<void> make_durable(spool::sqlite::database& db) {
  if (auto done = expect(db, "PRAGMA journal_mode=WAL", "wal"); !done) return done;
  if (auto done = db.exec("PRAGMA synchronous=FULL"); !done) return done;
  if (auto done = expect(db, "PRAGMA synchronous", "2"); !done) return done;
  if (auto done = db.check_contents(); !done) return done;
  return db.expect_writable();
}

result<void> prepare_layout(spool::sqlite::database& db) {
  if (auto done = db.exec(layout); !done) return done;
  auto version = db.value("SELECT value FROM facts WHERE key='layout'");
  if (!version) return version.error();
  if (version->empty()) return db.exec("INSERT INTO facts VALUES ('layout', '1')");
  if (*version == layout_version) return {};
  return spool::failure{spool::errc::wrong_version, "its layout is version " + *version};
}

} // namespace

result<id_store> id_store::open(const std::string& path) {
  id_store store;
  auto db = spool::sqlite::database::open(path, "");
  if (!db) return db.error();
  store.db_ = std::move(*db);
  if (auto done = make_durable(store.db_); !done) return done.error();
  if (auto done = prepare_layout(store.db_); !done) return done.error();
  if (auto done = store.prepare_all(); !done) return done.error();
  if (auto done = spool::sync_folder_of(path); !done) return done.error(); // file and WAL are made
  store.open_ = true;
  return store;
}

result<void> id_store::prepare_all() {
  const std::pair<spool::sqlite::statement*, const char*> wanted[] = {
      {&put_table_, "REPLACE INTO tables VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"},
      {&drop_table_, "DELETE FROM tables WHERE schema_name=? AND table_name=?"},
      {&put_range_, "INSERT INTO ranges VALUES (?,?,?,?,?,?,?)"},
      {&drop_ranges_, "DELETE FROM ranges WHERE schema_name=? AND table_name=?"},
      {&get_ranges_, "SELECT first, last, step, durable FROM ranges WHERE schema_name=? AND table_name=? "
                     "ORDER BY place"},
      {&put_fact_, "REPLACE INTO facts VALUES (?,?)"},
      {&get_fact_, "SELECT value FROM facts WHERE key=?"}};
  for (const auto& [statement, sql] : wanted) {
    auto prepared = db_.prepare(sql);
    if (!prepared) return prepared.error();
    *statement = std::move(*prepared);
  }
  return {};
}

result<std::vector<table_entry>> id_store::load() {
  auto rows =
      db_.prepare("SELECT schema_name, table_name, engine, created, column_name, column_type, position, "
                  "hidden, seen, used, full, stale FROM tables");
  if (!rows) return rows.error();
  std::vector<table_entry> entries;
  for (auto more = rows->step();; more = rows->step()) {
    if (!more) return more.error();
    if (!*more) return entries;
    auto& entry = entries.emplace_back();
    entry.facts = {{rows->text(0), rows->text(1)},
                   rows->text(2),
                   rows->text(3),
                   rows->text(4),
                   rows->text(5),
                   number(*rows, 6),
                   rows->integer(7) != 0,
                   0};
    entry.seen = rows->integer(8) != 0;
    entry.used = number(*rows, 9);
    entry.full = number(*rows, 10);
    entry.stale = rows->integer(11) != 0;
    if (auto done = load_ranges(entry); !done) return done.error();
  }
}

result<void> id_store::load_ranges(table_entry& entry) {
  auto& rows = get_ranges_.with(entry.facts.name.schema, entry.facts.name.table);
  for (auto more = rows.step();; more = rows.step()) {
    if (!more) return more.error();
    if (!*more) return {};
    const auto durable = number(rows, 3);
    const id_range range{number(rows, 0), number(rows, 1), number(rows, 2), durable, durable};
    if (range.is_sound())
      entry.ranges.push_back(range);
    else // its ids are given to nobody
      spdlog::warn("reserved ids of {}.{} are unusable: the file is damaged", entry.facts.name.schema,
                   entry.facts.name.table);
  }
}

result<std::string> id_store::fact(std::string_view key) {
  get_fact_.with(key);
  auto found = get_fact_.step();
  if (!found) return found.error();
  std::string value = *found ? get_fact_.text(0) : std::string();
  get_fact_.reset();
  return value;
}

result<void> id_store::set_fact(std::string_view key, std::string_view value) {
  if (!open_) return spool::failure{spool::errc::closed, "the file of reserved ids is not open"};
  return put_fact_.with(key, value).run();
}

result<void> id_store::save(const table_entry& entry) {
  return save({&entry}, {});
}

result<void> id_store::save(const std::vector<const table_entry*>& changed,
                            const std::vector<spool::table_name>& gone) {
  if (!open_) return spool::failure{spool::errc::closed, "the file of reserved ids is not open"};
  if (changed.empty() && gone.empty()) return {};
  if (auto begun = db_.exec("BEGIN IMMEDIATE"); !begun) return begun;
  auto done = write_all(changed, gone);
  if (done) done = db_.exec("COMMIT");
  // SQLite rolls back by itself after some errors, and says so.
  if (!done && db_.in_transaction())
    if (auto undone = db_.exec("ROLLBACK"); !undone) return undone;
  return done;
}

result<void> id_store::write_all(const std::vector<const table_entry*>& changed,
                                 const std::vector<spool::table_name>& gone) {
  for (const auto& name : gone)
    if (auto done = erase(name); !done) return done;
  for (const auto* entry : changed)
    if (auto done = write(*entry); !done) return done;
  return {};
}

result<void> id_store::erase(const spool::table_name& name) {
  if (auto done = drop_ranges_.with(name.schema, name.table).run(); !done) return done;
  return drop_table_.with(name.schema, name.table).run();
}

result<void> id_store::write(const table_entry& entry) {
  const auto& facts = entry.facts;
  const auto& name = facts.name;
  auto done = put_table_
                  .with(name.schema, name.table, facts.engine, facts.created, facts.column, facts.column_type,
                        facts.position, facts.hidden ? 1 : 0, entry.seen ? 1 : 0, entry.used, entry.full,
                        entry.stale ? 1 : 0)
                  .run();
  if (done) done = drop_ranges_.with(name.schema, name.table).run();
  std::uint64_t place = 0;
  for (const auto& range : entry.ranges)
    if (done)
      done = put_range_
                 .with(name.schema, name.table, place++, range.first, range.last, range.step, range.durable)
                 .run();
  return done;
}

result<id_store> open_or_replace(const std::string& path) {
  auto store = id_store::open(path);
  if (!store && store.error().code == spool::errc::corrupt)
    store = id_store::open(path); // a read that failed once looks the same
  // A disk in trouble is no reason to lose what a sound file holds.
  if (store || store.error().code != spool::errc::corrupt) return store;
  spdlog::error("the file of reserved ids {} is unreadable and is set aside: {}", path,
                store.error().context);
  if (auto done = spool::set_aside(path); !done) return done.error();
  return id_store::open(path);
}

} // namespace holdwater::proxy
