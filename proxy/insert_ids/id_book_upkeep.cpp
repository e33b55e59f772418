// What the keeper does to the book: the catalogue, the blocks, the attempts that failed.
#include "proxy/insert_ids/id_book.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace holdwater::proxy {
namespace {

constexpr std::uint64_t rows_most = 5000; // rows of one reserving INSERT: bounds its text and its time
constexpr std::chrono::seconds retry_first{10};
constexpr std::chrono::seconds retry_last{3600};

// Ranges that are used up are forgotten, their ids are not.
void drop_used_up(table_entry& entry) {
  std::vector<id_range> left;
  for (const auto& range : entry.ranges)
    if (range.left() > 0)
      left.push_back(range);
    else
      entry.used = std::max(entry.used, range.last);
  entry.ranges = std::move(left);
}

void drop_all(table_entry& entry) {
  entry.used = std::max(entry.used, highest_used(entry.ranges));
  entry.ranges.clear();
  entry.stale = false;
}

void add(std::vector<id_range>& ranges, const id_range& range) {
  if (!ranges.empty() && ranges.back().step == range.step && ranges.back().last + range.step == range.first)
    ranges.back().last = range.last;
  else
    ranges.push_back(range);
}

} // namespace

// A failure is not fatal: what is in memory is right, and the next start asks the server again.
void id_book::keep(const std::vector<const table_entry*>& changed,
                   const std::vector<spool::table_name>& gone) {
  if (auto saved = store_.save(changed, gone); !saved)
    spdlog::error("the catalogue of tables was not saved: {}", saved.error().context);
}

void id_book::server_is(const server_identity& now) {
  const std::lock_guard lock(mutex_);
  if (now.names_folded != server_.names_folded) rename_all(now.names_folded);
  const bool other = !now.same_run(server_);
  server_ = now;
  if (!other || !store_trouble_.empty()) return;
  std::vector<const table_entry*> changed;
  for (auto& [key, entry] : tables_)
    if (!entry.ranges.empty()) {
      entry.stale = true;
      changed.push_back(&entry);
    }
  keep(changed, {}); // before the identity: a crash between the two must not lose the mark
  for (const auto& [key, value] : {std::pair<std::string, std::string>{"server", now.where},
                                   {"started", std::to_string(now.started)},
                                   {"names_folded", now.names_folded ? "1" : "0"}})
    if (auto saved = store_.set_fact(key, value); !saved)
      spdlog::error("the server's identity was not saved: {}", saved.error().context);
}

// A mark that the disk refuses leaves the memory's: it is right as long as the process lives.
void id_book::mark_doubt(bool doubted) {
  if (!store_trouble_.empty()) return;
  if (auto saved = store_.set_fact(doubt_fact, doubted ? "1" : "0"); !saved)
    spdlog::error("whether reserved ids are in doubt was not saved: {}", saved.error().context);
}

// The disk hears of the doubt before the server can make the first id of its own.
void id_book::server_is_coming() {
  const std::lock_guard lock(mutex_);
  if (trust_ != trust::sound) return;
  mark_doubt(true);
  trust_ = trust::coming;
}

// From `sound` there was no coming: the connection that was there before still answers.
void id_book::server_is_up() {
  const std::lock_guard lock(mutex_);
  if (trust_ == trust::sound) return;
  trust_ = trust::doubted;
  ++comings_;
  for (auto& [key, entry] : tables_) entry.retry_at = {}; // what failed may have failed of the server's going
}

void id_book::server_is_away() {
  const std::lock_guard lock(mutex_);
  if (trust_ != trust::coming) return;
  mark_doubt(false);
  trust_ = trust::sound;
}

std::uint64_t id_book::comings() const {
  const std::lock_guard lock(mutex_);
  return comings_;
}

bool id_book::in_doubt() const {
  const std::lock_guard lock(mutex_);
  return trust_ == trust::doubted;
}

void id_book::checked(std::uint64_t coming) {
  const std::lock_guard lock(mutex_);
  if (trust_ != trust::doubted || coming != comings_) return;
  mark_doubt(false);
  trust_ = trust::sound;
}

void id_book::rename_all(bool folded) {
  entries renamed;
  for (auto& [key, entry] : tables_)
    renamed.emplace(lookup_name(entry.facts.name.schema, entry.facts.name.table, folded), std::move(entry));
  tables_ = std::move(renamed);
}

// True when something of it belongs on the disk.
bool id_book::update(table_entry& entry, const table_facts& found) {
  const bool same = entry.facts.same_definition(found);
  const bool made_anew = entry.facts.created != found.created;
  entry.facts = found;
  // Whoever emptied the table has also put its counter back: MySQL then shows none.
  const bool lost = !entry.ranges.empty() && found.counter <= highest_id(entry.ranges);
  const bool newly_stale = lost && !entry.stale;
  if (newly_stale) entry.stale = true;
  if (!same) {
    if (made_anew || !found.makes_ids()) drop_all(entry);
    entry.trouble.clear();
    entry.retry_at = {};
    entry.retry_after = {};
  }
  return !same || newly_stale;
}

void id_book::take_schema(std::string_view schema, const std::vector<table_facts>& all) {
  const std::lock_guard lock(mutex_);
  std::set<spool::table_name> listed;
  std::vector<const table_entry*> changed;
  for (const auto& found : all) {
    const auto key = lookup_name(found.name.schema, found.name.table, server_.names_folded);
    listed.insert(key);
    auto& entry = tables_[key];
    const bool was_missing = missing_.erase(key) > 0 && !entry.seen;
    entry.seen = entry.seen || was_missing;
    if (update(entry, found) || was_missing) changed.push_back(&entry);
  }
  std::vector<spool::table_name> gone;
  const auto folded = lookup_name(schema, "", server_.names_folded).schema;
  std::erase_if(tables_, [&](const auto& known) {
    const bool dropped = known.first.schema == folded && listed.count(known.first) == 0;
    if (dropped) gone.push_back(known.second.facts.name);
    return dropped;
  });
  keep(changed, gone);
}

void id_book::take_table(const spool::table_name& asked, const std::optional<table_facts>& found) {
  const std::lock_guard lock(mutex_);
  const auto key = lookup_name(asked.schema, asked.table, server_.names_folded);
  if (!found) {
    if (const auto known = missing_.find(key); known != missing_.end()) known->second = true;
    if (tables_.erase(key) > 0) keep({}, {asked});
    return;
  }
  auto& entry = tables_[key];
  const bool was_missing = missing_.erase(key) > 0 && !entry.seen;
  entry.seen = entry.seen || was_missing;
  if (update(entry, *found) || was_missing) keep({&entry}, {});
}

void id_book::forget_missing() {
  const std::lock_guard lock(mutex_);
  std::erase_if(missing_, [](const auto& name) { return name.second; });
}

std::vector<spool::table_name> id_book::unknown_tables() const {
  const std::lock_guard lock(mutex_);
  std::vector<spool::table_name> names;
  for (const auto& [name, looked_up] : missing_)
    if (!looked_up) names.push_back(name);
  return names;
}

std::vector<spool::table_name> id_book::tables_outside(std::string_view schema) const {
  const std::lock_guard lock(mutex_);
  const auto folded = lookup_name(schema, "", server_.names_folded).schema;
  std::vector<spool::table_name> names;
  for (const auto& [key, entry] : tables_)
    if (key.schema != folded) names.push_back(entry.facts.name);
  return names;
}

std::uint64_t id_book::full_block(const table_entry& entry) const {
  return entry.full == 0 ? block_ : std::min(entry.full, block_);
}

bool id_book::wants(const table_entry& entry) const {
  if (block_ == 0 || !store_trouble_.empty() || !entry.seen || !entry.facts.makes_ids()) return false;
  if (!obstacle(entry.facts).empty()) return false;
  return entry.stale || ids_left(entry.ranges) * 2 < full_block(entry);
}

std::vector<spool::table_name> id_book::wanting(time_point now) const {
  const std::lock_guard lock(mutex_);
  std::vector<spool::table_name> names;
  for (const auto& [key, entry] : tables_)
    if (wants(entry) && entry.retry_at <= now) names.push_back(entry.facts.name);
  return names;
}

std::vector<unused_ids> id_book::to_check() {
  const std::lock_guard lock(mutex_);
  std::vector<unused_ids> all;
  for (auto& [key, entry] : tables_) {
    if (entry.stale || entry.facts.counter == entry.checked_at) continue;
    entry.checked_at = entry.facts.counter;
    for (const auto& range : entry.ranges)
      if (range.left() > 0)
        all.push_back({entry.facts.name, entry.facts.column, range.next, range.last, range.step});
  }
  return all;
}

void id_book::found_used(const spool::table_name& name) {
  const std::lock_guard lock(mutex_);
  auto* entry = find(name.schema, name.table);
  if (entry == nullptr || entry->stale) return;
  spdlog::warn("reserved ids of {} were used by others: the block is replaced", quoted(name));
  entry->stale = true;
  keep({entry}, {});
}

std::optional<id_book::time_point> id_book::next_retry() const {
  const std::lock_guard lock(mutex_);
  std::optional<time_point> earliest;
  for (const auto& [key, entry] : tables_)
    if (wants(entry) && (!earliest || entry.retry_at < *earliest)) earliest = entry.retry_at;
  return earliest;
}

std::optional<id_order> id_book::order(const spool::table_name& name) const {
  const std::lock_guard lock(mutex_);
  const auto* entry = find(name.schema, name.table);
  if (entry == nullptr || (!entry->stale && ids_left(entry->ranges) >= full_block(*entry)))
    return std::nullopt;
  return id_order{entry->facts, entry->ceiling(), std::min(full_block(*entry), rows_most)};
}

bool id_book::reserved(const spool::table_name& name, const id_range& range, bool short_of) {
  const std::lock_guard lock(mutex_);
  auto* entry = find(name.schema, name.table);
  if (entry == nullptr) return true; // dropped meanwhile
  auto changed = *entry;
  if (changed.stale) drop_all(changed);
  drop_used_up(changed);
  add(changed.ranges, range);
  changed.full = short_of ? range.size() : 0;
  changed.trouble.clear();
  changed.retry_at = {};
  changed.retry_after = {};
  if (auto saved = store_.save(changed); !saved) {
    spdlog::error("reserved ids of {} were not saved: {}", quoted(name), saved.error().context);
    return false;
  }
  *entry = std::move(changed);
  spdlog::info("reserved ids {} to {} of {}", range.first, range.last, quoted(name));
  return true;
}

void id_book::failed(const spool::table_name& name, const std::string& reason, bool lasting, time_point now) {
  const std::lock_guard lock(mutex_);
  auto* entry = find(name.schema, name.table);
  if (entry == nullptr) return;
  if (entry->trouble != reason) spdlog::warn("no ids reserved for {}: {}", quoted(name), reason);
  entry->trouble = reason;
  const auto next = lasting ? std::min(entry->retry_after * 2, retry_last) : retry_first;
  entry->retry_after = std::max(next, retry_first);
  entry->retry_at = now + entry->retry_after;
}

} // namespace holdwater::proxy
