#include "spool/store.hpp"

#include "spool/sealed_value.hpp"
#include "spool/spool_file.hpp"
#include "spool/store_statements.hpp"
#include "spool/unit_codec.hpp"

#include <map>

namespace holdwater::spool {
namespace {

int as_int(unit_state state) {
  return static_cast<int>(state);
}
seq as_seq(std::int64_t value) {
  return static_cast<seq>(value);
}

// Called after each commit with the length of the WAL.
int note_wal_pages(void* target, sqlite3*, const char*, int pages) {
  *static_cast<int*>(target) = pages;
  return SQLITE_OK;
}

} // namespace

store::store(sqlite::database db, key_ring_ptr given)
    : db_(std::move(db)), sql_(std::make_shared<statements>()), wal_pages_(std::make_unique<int>(0)),
      keys_(std::move(given)) {
  sqlite3_wal_hook(db_.handle(), note_wal_pages, wal_pages_.get());
}

result<void> store::prepare() {
  auto& s = *sql_;
  const std::pair<sqlite::statement*, const char*> all[] = {
      {&s.begin, "BEGIN IMMEDIATE"},
      {&s.commit, "COMMIT"},
      {&s.insert_unit, "INSERT INTO unit VALUES (?1, 0, ?2, ?3, 0, 0, ?4, ?5)"},
      {&s.insert_body, "INSERT INTO body VALUES (?1, ?2)"},
      {&s.get_counter, "SELECT value FROM counter WHERE name = ?1"},
      {&s.set_counter, "UPDATE counter SET value = max(value, ?2) WHERE name = ?1"},
      // A plus keeps SQLite from going through all of a state's units: these are walked by their numbers.
      {&s.mark_applied, "UPDATE unit SET state = 1, attempted = 0, settled_at = ?3 "
                        "WHERE seq BETWEEN ?1 AND ?2 AND +state = 0 RETURNING bytes, tables"},
      {&s.applied_anew, "UPDATE unit SET attempted = 0, settled_at = ?3 "
                        "WHERE seq BETWEEN ?1 AND ?2 AND +state = 1 AND attempted = 1"},
      {&s.front, "SELECT seq, accepted_at FROM unit WHERE state = 0 ORDER BY seq LIMIT 1"},
      {&s.settle, "UPDATE unit SET state = ?3, settled_at = ?4 WHERE seq = ?1 AND state = ?2"},
      {&s.row, "SELECT seq, state, bytes, accepted_at, tables, key FROM unit WHERE seq = ?1"},
      {&s.forget_body, "DELETE FROM body WHERE seq = ?1"},
      {&s.die, "UPDATE unit SET state = 2 WHERE seq = ?1 AND state IN (0, 1)"},
      {&s.insert_dead, "INSERT INTO dead VALUES (?1, ?2, ?3, ?4, ?5)"},
      {&s.forget_dead, "DELETE FROM dead WHERE seq = ?1"},
      {&s.attempt, "UPDATE unit SET attempted = 1 WHERE seq = ?1 AND state IN (0, 1)"},
      {&s.unattempt, "UPDATE unit SET attempted = 0 WHERE seq = ?1 AND state IN (0, 1)"},
      {&s.attempted, "SELECT attempted FROM unit WHERE seq = ?1"},
      {&s.get_body, "SELECT bytes FROM body WHERE seq = ?1"},
      {&s.copy_unit,
       "INSERT INTO unit SELECT ?2, 0, bytes, ?3, 0, 0, tables, ?4 FROM unit WHERE seq = ?1 AND state = 2"},
      {&s.read, "SELECT u.seq, u.accepted_at, b.bytes FROM unit u JOIN body b ON b.seq = u.seq "
                "WHERE u.state = ?1 AND u.seq > ?2 ORDER BY u.seq LIMIT ?3"},
      {&s.dead,
       "SELECT u.seq, u.accepted_at, b.bytes, d.number, d.sql_state, d.reason, d.died_at, u.key FROM dead d "
       "JOIN unit u ON u.seq = d.seq JOIN body b ON b.seq = d.seq WHERE d.seq > ?1 ORDER BY d.seq LIMIT ?2"},
      {&s.get_fact, "SELECT value FROM fact WHERE key = ?1"},
      {&s.forget_fact, "DELETE FROM fact WHERE key = ?1"},
      {&s.set_fact,
       "INSERT INTO fact VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value"},
      {&s.each_open,
       "SELECT seq, state, bytes, accepted_at, tables, key FROM unit WHERE +state IN (0, 2) ORDER BY seq"},
      {&s.to_seal,
       "SELECT u.seq, b.bytes, d.reason, u.key FROM unit u JOIN body b ON b.seq = u.seq LEFT JOIN "
       "dead d ON d.seq = u.seq WHERE u.seq > ?1 AND +u.state IN (0, 1, 2) AND u.key <> ?2 "
       "ORDER BY u.seq LIMIT ?3"},
      {&s.put_key, "UPDATE unit SET key = ?2 WHERE seq = ?1"},
      {&s.put_body, "UPDATE body SET bytes = ?2 WHERE seq = ?1"},
      {&s.put_reason, "UPDATE dead SET reason = ?2 WHERE seq = ?1"},
      {&s.oldest_settled, "SELECT seq, CASE state WHEN 1 THEN bytes ELSE 0 END, settled_at FROM unit "
                          "WHERE +state IN (1, 3, 4) AND seq < ?2 ORDER BY seq LIMIT ?1"},
      {&s.newest_settled, "SELECT coalesce(max(settled_at), 0) FROM unit WHERE state IN (1, 3, 4)"},
      {&s.applied_bytes, "SELECT coalesce(sum(bytes), 0) FROM unit WHERE state = 1"},
      {&s.drop_bodies,
       "DELETE FROM body WHERE seq IN (SELECT seq FROM unit WHERE seq <= ?1 AND state IN (1, 3, 4))"},
      {&s.drop_units, "DELETE FROM unit WHERE seq <= ?1 AND state IN (1, 3, 4)"},
  };
  for (const auto& [target, text] : all) {
    auto prepared = db_.prepare(text);
    if (!prepared) return prepared.error();
    *target = std::move(*prepared);
  }
  return {};
}

result<store> store::open(const sqlite_spool_options& options) {
  auto db = open_spool_file(options);
  if (!db) return db.error();
  store opened(std::move(*db), options.data_keys);
  if (auto done = opened.prepare(); !done) return while_doing("opening " + options.path, done.error());
  if (auto done = opened.load(); !done) return while_doing("opening " + options.path, done.error());
  return opened;
}

result<void> store::load() {
  for (const auto& [name, target] : {std::pair{"last", &last_}, std::pair{"dropped", &dropped_}}) {
    auto value = counter(name);
    if (!value) return value.error();
    *target = *value;
  }
  committed_last_ = last_;
  committed_dropped_ = dropped_;
  if (auto done = count_applied_bytes(); !done) return done;
  bool found = false;
  auto id = fact("spool.id", found);
  if (!id) return id.error();
  if (!found) return failure{errc::corrupt, "its id is missing"};
  id_ = *id;
  auto wiped = fact(wiped_fact, wiped_);
  if (!wiped) return wiped.error();
  committed_keys_ = keys_;
  auto sealed = is_sealed_otherwise();
  if (!sealed) return sealed.error();
  if (*sealed) return expect_wipe();
  if (!wiped_ && sealing_key(keys_) != nullptr) return db_.exec("PRAGMA secure_delete=ON");
  return {};
}

result<seq> store::counter(const char* name) {
  auto row = sql_->get_counter.with(std::string_view(name)).step();
  if (!row) return row.error();
  if (!*row) return failure{errc::corrupt, std::string("the counter is missing: ") + name};
  const auto value = as_seq(sql_->get_counter.integer(0));
  sql_->get_counter.reset();
  return value;
}

result<void> store::set_counter(const char* name, seq value) {
  return sql_->set_counter.with(std::string_view(name), value).run();
}

result<void> store::begin() {
  return sql_->begin.with().run();
}

result<void> store::commit() {
  if (last_ != committed_last_)
    if (auto done = set_counter("last", last_); !done) return done;
  if (auto done = sql_->commit.with().run(); !done) return done;
  committed_last_ = last_;
  committed_dropped_ = dropped_;
  committed_applied_bytes_ = applied_bytes_;
  committed_keys_ = keys_;
  return {};
}

result<void> store::rollback() {
  last_ = committed_last_;
  dropped_ = committed_dropped_;
  applied_bytes_ = committed_applied_bytes_;
  keys_ = committed_keys_;
  sealed_up_to_ = 0; // what it had sealed is as before
  all_sealed_ = false;
  // SQLite has rolled back by itself after some errors.
  return db_.in_transaction() ? db_.exec("ROLLBACK") : result<void>();
}

result<void> store::fold_wal(wal_after how) {
  const int mode = how == wal_after::cut ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_RESTART;
  if (sqlite3_wal_checkpoint_v2(db_.handle(), nullptr, mode, nullptr, nullptr) != SQLITE_OK) return db_.why();
  *wal_pages_ = 0;
  return {};
}

result<std::uint64_t> store::size_when_folded() {
  auto pages = db_.value("PRAGMA page_count");
  if (!pages) return pages.error();
  auto page_size = db_.value("PRAGMA page_size");
  if (!page_size) return page_size.error();
  return std::stoull(*pages) * std::stoull(*page_size);
}

result<std::uint64_t> store::growth_by_folding() {
  auto folded = size_when_folded();
  if (!folded) return folded.error();
  sqlite3_file* file = nullptr;
  sqlite3_int64 present = 0;
  if (sqlite3_file_control(db_.handle(), "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
      file->pMethods->xFileSize(file, &present) != SQLITE_OK)
    return db_.why();
  const auto size = static_cast<std::uint64_t>(present);
  return *folded > size ? *folded - size : 0;
}

// This connection's view of the WAL ends before the failed commit, so the next commit is written over it;
// once that one is synced, the chain of checksums excludes what may be left of the failed one.
result<void> store::undo_failed_commit() {
  if (auto done = rollback(); !done) return done;
  if (auto done =
          db_.exec("BEGIN IMMEDIATE; UPDATE counter SET value = value + 1 WHERE name = 'undone'; COMMIT");
      !done) {
    auto why = done.error();
    if (auto rolled_back = rollback(); !rolled_back) return rolled_back;
    return why;
  }
  auto last = counter("last");
  if (!last) return last.error();
  if (*last != committed_last_) return failure{errc::corrupt, "a failed commit is still there"};
  return {};
}

result<seq> store::insert(const packed_unit& what) {
  const auto number = last_ + 1;
  const auto accepted_at = static_cast<std::int64_t>(what.accepted_at.count());
  auto& row =
      sql_->insert_unit.with(number, what.bytes, accepted_at, sqlite::blob{what.tables}, sealing_id(keys_));
  if (auto done = row.run(); !done) return done.error();
  if (auto done = insert_body(number, what.body); !done) return done.error();
  return last_ = number;
}

result<void> store::insert_body(seq number, std::string_view body) {
  const auto* const key = sealing_key(keys_);
  if (key == nullptr) return sql_->insert_body.with(number, sqlite::blob{body}).run();
  const auto sealed = seal(*key, body, place_of("unit", id_, number));
  return sql_->insert_body.with(number, sqlite::blob{sealed}).run();
}

result<departure> store::mark_applied(seq from, seq to, std::chrono::microseconds settled_at) {
  const auto at = static_cast<std::int64_t>(settled_at.count());
  if (auto done = sql_->applied_anew.with(from, to, at).run(); !done) return done.error();
  departure gone;
  std::map<std::string, std::uint64_t> written; // most write the same
  auto& rows = sql_->mark_applied.with(from, to, at);
  while (true) {
    auto more = rows.step();
    if (!more) return more.error();
    if (!*more) break;
    ++gone.units;
    gone.bytes += static_cast<std::uint64_t>(rows.integer(0));
    ++written[rows.text(1)];
  }
  for (const auto& [encoded, units] : written) {
    auto tables = decode_tables(encoded);
    if (!tables) return tables.error();
    gone.written.emplace_back(std::move(*tables), units);
  }
  applied_bytes_ += gone.bytes;
  auto left = front();
  if (!left) return left.error();
  gone.front = *left;
  return gone;
}

result<std::optional<queue_front>> store::front() {
  auto row = sql_->front.with().step();
  if (!row) return row.error();
  std::optional<queue_front> first;
  if (*row) first = {as_seq(sql_->front.integer(0)), std::chrono::microseconds(sql_->front.integer(1))};
  sql_->front.reset();
  return first;
}

result<void> store::settle(seq number, unit_state from, unit_state to, std::chrono::microseconds now) {
  const auto at = static_cast<std::int64_t>(now.count());
  if (auto done = sql_->settle.with(number, as_int(from), as_int(to), at).run(); !done) return done;
  if (db_.changes() == 0) return failure{errc::not_found, "no such unit: " + std::to_string(number)};
  return {};
}

result<void> store::forget_body(seq number) {
  if (auto done = sql_->forget_body.with(number).run(); !done) return done;
  return sql_->forget_dead.with(number).run();
}

result<void> store::mark_refused(seq number, std::chrono::microseconds settled_at) {
  auto done = settle(number, unit_state::pending, unit_state::refused, settled_at);
  if (!done && done.error().code == errc::not_found)
    done = settle(number, unit_state::dead, unit_state::refused, settled_at);
  return done ? forget_body(number) : done;
}

result<void> store::mark_dead(seq number, const server_error& why, std::chrono::microseconds now) {
  auto stored = row(number);
  if (!stored) return stored.error();
  if (auto done = sql_->die.with(number).run(); !done) return done.error();
  if (db_.changes() == 0) return failure{errc::not_found, "no such unit: " + std::to_string(number)};
  if (stored->state == unit_state::applied) applied_bytes_ -= stored->bytes;
  const auto at = static_cast<std::int64_t>(now.count());
  auto reason = why.text; // the server quotes values in it; sealed with the unit's own key, which is in use
  const auto* const key = stored->key != 0 && keys_ ? keys_->find(stored->key) : nullptr;
  if (key != nullptr) reason = seal(*key, reason, place_of("reason", id_, number));
  return sql_->insert_dead.with(number, why.number, why.sql_state, sqlite::blob{reason}, at).run();
}

result<void> store::mark_attempted(seq number) {
  if (auto done = sql_->attempt.with(number).run(); !done) return done;
  if (db_.changes() == 0) return failure{errc::not_found, "no such unit: " + std::to_string(number)};
  return {};
}

result<void> store::forget_attempt(seq number) {
  return sql_->unattempt.with(number).run();
}

result<bool> store::is_attempted(seq number) {
  auto row = sql_->attempted.with(number).step();
  if (!row) return row.error();
  if (!*row) return failure{errc::not_found, "no such unit: " + std::to_string(number)};
  const bool attempted = sql_->attempted.integer(0) != 0;
  sql_->attempted.reset();
  return attempted;
}

result<seq> store::retry_dead(seq number, std::chrono::microseconds now,
                              std::chrono::microseconds settled_at) {
  const auto anew = last_ + 1;
  const auto at = static_cast<std::int64_t>(now.count());
  auto stored = row(number);
  if (!stored && stored.error().code != errc::not_found) return stored.error();
  if (!stored || stored->state != unit_state::dead)
    return failure{errc::not_found, "no such dead letter: " + std::to_string(number)};
  auto body = body_of(number); // before anything is written: what others write is committed all the same
  if (!body) return body.error();
  if (auto done = sql_->copy_unit.with(number, anew, at, sealing_id(keys_)).run(); !done) return done.error();
  if (auto done = insert_body(anew, *body); !done) return done.error();
  if (auto done = discard_dead(number, settled_at); !done) return done.error();
  return last_ = anew;
}

result<void> store::discard_dead(seq number, std::chrono::microseconds settled_at) {
  if (auto done = settle(number, unit_state::dead, unit_state::discarded, settled_at); !done) return done;
  return forget_body(number);
}

result<std::string> store::fact(std::string_view key, bool& found) {
  auto row = sql_->get_fact.with(key).step();
  if (!row) return row.error();
  found = *row;
  if (!found) return std::string();
  auto value = sql_->get_fact.text(0);
  sql_->get_fact.reset();
  return value;
}

result<void> store::forget_fact(std::string_view key) {
  return sql_->forget_fact.with(key).run();
}

result<void> store::set_fact(std::string_view key, std::string_view value) {
  return sql_->set_fact.with(key, value).run();
}

} // namespace holdwater::spool
