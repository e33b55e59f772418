// The reading half of the store, and what is dropped past the retention.
#include "spool/sealed_value.hpp"
#include "spool/store_statements.hpp"
#include "spool/unit_codec.hpp"

namespace holdwater::spool {
namespace {

constexpr std::uint64_t drop_at_once =
    500; // units to a transaction, so that appends never wait long behind it
constexpr std::uint64_t vacuum_from = 4096; // free pages worth giving back to the file system

std::chrono::microseconds as_time(std::int64_t value) {
  return std::chrono::microseconds(value);
}

// In memory, nearly.
std::size_t size_of(const unit& what) {
  std::size_t bytes = 0;
  for (const auto& s : what.statements) {
    bytes += sizeof s + s.text.size();
    for (const auto& one : s.parameters) bytes += sizeof one + (one.value ? one.value->size() : 0);
    for (const auto& one : s.context.settings) bytes += sizeof one + one.name.size() + one.value.size();
    for (const auto& one : s.user_variables) bytes += sizeof one + one.name.size() + one.literal.size();
  }
  return bytes;
}

result<store::stored_row> row_of(const sqlite::statement& row) {
  auto tables = decode_tables(row.text(4));
  if (!tables) return tables.error();
  return store::stored_row{static_cast<seq>(row.integer(0)),
                           static_cast<unit_state>(row.integer(1)),
                           static_cast<std::uint64_t>(row.integer(2)),
                           as_time(row.integer(3)),
                           std::move(*tables),
                           static_cast<key_id>(row.integer(5))};
}

failure of_unit(seq number, const failure& why) {
  return {why.code, "unit " + std::to_string(number) + ": " + why.context};
}

} // namespace

// Columns seq, accepted_at, body.
result<unit> store::unit_of(const sqlite::statement& row) const {
  const auto number = static_cast<seq>(row.integer(0));
  auto body = unseal(keys_, row.text(2), place_of("unit", id_, number));
  if (body) body = expand(std::move(*body));
  if (!body) return of_unit(number, body.error());
  auto decoded = decode_unit(*body);
  if (!decoded) return of_unit(number, decoded.error());
  decoded->number = number;
  decoded->accepted_at = as_time(row.integer(1));
  return decoded;
}

// Of a unit that is to be stored under another number.
result<std::string> store::body_of(seq number) {
  auto row = sql_->get_body.with(number).step();
  if (!row) return row.error();
  if (!*row) return failure{errc::not_found, "no such unit: " + std::to_string(number)};
  auto stored = sql_->get_body.text(0);
  sql_->get_body.reset();
  auto body = unseal(keys_, std::move(stored), place_of("unit", id_, number));
  if (!body) return failure{errc::wrong_key, of_unit(number, body.error()).context}; // the disk is well
  return body;
}

result<std::vector<unit>> store::read(unit_state state, seq after, std::size_t max_units,
                                      std::size_t max_bytes) {
  auto& rows = sql_->read.with(static_cast<int>(state), after, static_cast<std::uint64_t>(max_units));
  std::vector<unit> units;
  std::size_t bytes = 0;
  while (true) {
    auto more = rows.step();
    if (!more) return more.error();
    if (!*more) return units;
    auto next = unit_of(rows);
    if (next) bytes += size_of(*next);
    if (!next || (!units.empty() && bytes > max_bytes)) {
      rows.reset();
      if (!next) return next.error();
      return units;
    }
    units.push_back(std::move(*next));
  }
}

// One more is asked for, which tells that there is one.
result<dead_letters> store::read_dead(seq after, std::size_t max_units, std::size_t max_bytes) {
  auto& rows = sql_->dead.with(after, static_cast<std::uint64_t>(max_units) + 1);
  dead_letters read;
  auto& letters = read.letters;
  std::size_t bytes = 0;
  while (true) {
    auto more = rows.step();
    if (!more) return more.error();
    if (!*more) return read;
    read.more = letters.size() == max_units;
    if (read.more) break;
    auto what = unit_of(rows);
    const bool sealed = rows.integer(7) != 0;
    auto reason = result<std::string>(rows.text(5));
    if (what && sealed) reason = unseal(keys_, *reason, place_of("reason", id_, what->number));
    if (!what || !reason) {
      rows.reset();
      return what ? of_unit(what->number, reason.error()) : what.error();
    }
    bytes += size_of(*what) + reason->size();
    read.more = !letters.empty() && bytes > max_bytes;
    if (read.more) break;
    letters.push_back({std::move(*what), static_cast<unsigned>(rows.integer(3)), rows.text(4),
                       std::move(*reason), as_time(rows.integer(6))});
  }
  rows.reset();
  return read;
}

result<void> store::each_open(const std::function<void(const stored_row&)>& visit) {
  auto& rows = sql_->each_open.with();
  while (true) {
    auto more = rows.step();
    if (!more) return more.error();
    if (!*more) return {};
    auto next = row_of(rows);
    if (!next) {
      rows.reset();
      return next.error();
    }
    visit(*next);
  }
}

result<store::stored_row> store::row(seq number) {
  auto found = sql_->row.with(number).step();
  if (!found) return found.error();
  if (!*found) return failure{errc::not_found, "no such unit: " + std::to_string(number)};
  auto stored = row_of(sql_->row);
  sql_->row.reset();
  return stored;
}

result<std::chrono::microseconds> store::newest_settled() {
  auto row = sql_->newest_settled.with().step();
  if (!row) return row.error();
  const auto newest = as_time(sql_->newest_settled.integer(0));
  sql_->newest_settled.reset();
  return newest;
}

// Goes through all of them, once.
result<void> store::count_applied_bytes() {
  auto row = sql_->applied_bytes.with().step();
  if (!row) return row.error();
  applied_bytes_ = committed_applied_bytes_ = static_cast<std::uint64_t>(sql_->applied_bytes.integer(0));
  sql_->applied_bytes.reset();
  return {};
}

result<void> store::drop_up_to(seq number) {
  if (auto done = sql_->drop_bodies.with(number).run(); !done) return done;
  if (auto done = sql_->drop_units.with(number).run(); !done) return done;
  return give_back_pages();
}

// A long outage must not keep its disk space for ever.
result<void> store::give_back_pages() {
  auto free = db_.value("PRAGMA freelist_count");
  if (!free) return free.error();
  if (std::stoull(*free) < vacuum_from) return {};
  return db_.exec("PRAGMA incremental_vacuum(2048)");
}

// Only from the front: then one number, dropped(), tells which applied units are missing. None of what waits
// is gone through, however much it is: what is settled lies before it.
result<bool> store::drop_settled(std::chrono::microseconds older_than, std::uint64_t keep_bytes) {
  auto waiting = front();
  if (!waiting) return waiting.error();
  auto& rows = sql_->oldest_settled.with(drop_at_once, *waiting ? (*waiting)->number : last_ + 1);
  seq last_to_drop = 0;
  std::uint64_t seen = 0;
  while (true) {
    auto more = rows.step();
    if (!more) return more.error();
    if (!*more) break;
    if (as_time(rows.integer(2)) >= older_than && applied_bytes_ <= keep_bytes) {
      rows.reset();
      break;
    }
    last_to_drop = static_cast<seq>(rows.integer(0));
    const auto bytes = static_cast<std::uint64_t>(rows.integer(1)); // 0 for what was never applied
    if (bytes != 0) dropped_ = last_to_drop;
    applied_bytes_ -= bytes;
    ++seen;
  }
  if (last_to_drop != 0) {
    if (auto done = drop_up_to(last_to_drop); !done) return done.error();
    if (auto done = set_counter("passed", last_to_drop); !done) return done.error();
  }
  if (auto done = set_counter("dropped", dropped_); !done) return done.error();
  wipe_due_ = !wiped_ && sealing_key(keys_) != nullptr; // it may be small enough now
  return seen == drop_at_once;
}

} // namespace holdwater::spool
