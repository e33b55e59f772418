// What sessions ask of the book.
#include "proxy/insert_ids/id_book.hpp"

#include "proxy/insert_ids/ids_needed.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace holdwater::proxy {
namespace {

constexpr auto never_inserted = "no insert into it was seen while the server was up";
constexpr std::size_t missing_most = 1000; // names that clients may make us remember in vain

id_plan refused(std::string reason) {
  return {id_plan::answer::refused, 0, {}, {}, std::move(reason), {}};
}
id_plan none_needed() {
  return {id_plan::answer::none_needed, 0, {}, {}, {}, {}};
}

bool is_upsert(const protocol::sql::statement& one) {
  return one.kind != protocol::sql::kind::replace && (one.insert.ignore || one.insert.on_duplicate);
}

} // namespace

id_book::id_book(const std::string& path, std::uint64_t block) : block_(block) {
  auto store = open_or_replace(path);
  if (store) {
    store_ = std::move(*store);
    load();
    return;
  }
  store_trouble_ = store.error().context;
  spdlog::error("no insert ids can be reserved, {} cannot be opened: {}", path, store_trouble_);
}

void id_book::load() {
  auto where = store_.fact("server");
  auto started = store_.fact("started");
  auto folded = store_.fact("names_folded");
  auto doubt = store_.fact(doubt_fact);
  auto saved = store_.load();
  if (!where || !started || !folded || !doubt || !saved) {
    store_trouble_ = saved ? "its facts cannot be read" : saved.error().context;
    spdlog::error("no insert ids can be reserved: {}", store_trouble_);
    return;
  }
  server_.where = *where;
  server_.started = started->empty() ? 0 : std::stoll(*started);
  server_.names_folded = *folded == "1";
  trust_ = *doubt == "1" ? trust::doubted : trust::sound;
  for (auto& entry : *saved) {
    auto key = lookup_name(entry.facts.name.schema, entry.facts.name.table, server_.names_folded);
    tables_.emplace(std::move(key), std::move(entry));
  }
}

const table_entry* id_book::find(std::string_view schema, std::string_view table) const {
  const auto found = tables_.find(lookup_name(schema, table, server_.names_folded));
  return found == tables_.end() ? nullptr : &found->second;
}

table_entry* id_book::find(std::string_view schema, std::string_view table) {
  const auto found = tables_.find(lookup_name(schema, table, server_.names_folded));
  return found == tables_.end() ? nullptr : &found->second;
}

id_plan id_book::plan(std::string_view schema, std::string_view table, std::string_view text,
                      const protocol::sql::statement& one, const protocol::sql::dialect& how,
                      std::uint64_t increment, std::uint64_t offset) {
  const std::lock_guard lock(mutex_);
  auto* entry = find(schema, table);
  if (entry == nullptr || !entry->facts.base_table())
    return refused(fmt::format("the definition of {}.{} is not known", quoted(schema), quoted(table)));
  auto need = ids_needed(entry->facts, text, one, how);
  if (need.what == id_need::answer::none) return none_needed();
  if (need.what == id_need::answer::unknown) return refused(std::move(need.reason));
  auto plan = hand_out(*entry, need.rows, increment == 0 ? 1 : increment, offset);
  if (plan.what == id_plan::answer::refused) note_in_vain(*entry);
  if (plan.what == id_plan::answer::reserved && is_upsert(one)) plan.what = id_plan::answer::upsert;
  return plan;
}

id_plan id_book::hand_out(table_entry& entry, std::uint64_t rows, std::uint64_t increment,
                          std::uint64_t offset) {
  if (auto why = why_doubted(entry); !why.empty())
    return refused(
        fmt::format("the ids reserved for {} may be others' by now: {}", quoted(entry.facts.name), why));
  const auto run = find_run(entry.ranges, rows, increment, offset);
  if (!run) return refused(why_no_run(entry, rows));
  auto& range = entry.ranges[run->range];
  if (run->past > range.durable) {
    const auto before = range.durable;
    range.durable = mark_for(range, *run);
    if (auto saved = store_.save(entry); !saved) {
      range.durable = before;
      auto none = refused("the use of reserved ids cannot be recorded: " + saved.error().context);
      none.not_recorded = saved.error();
      return none;
    }
  }
  range.next = run->past;
  return {id_plan::answer::reserved, run->first, entry.facts.column, entry.facts.column_type, {}, {}};
}

// An insert that found no ids counts as seen: the table is listed, and ids are reserved for it when the
// server is back. A mark that the disk refuses is tried again with the next one.
void id_book::note_in_vain(table_entry& entry) {
  if (entry.seen) return;
  const auto reason = entry.trouble.empty() ? std::string(never_inserted) : entry.trouble;
  static_cast<void>(mark_seen(entry)); // the keeper looks for itself then
  if (entry.seen) entry.trouble = reason;
}

std::string id_book::why_doubted(const table_entry& entry) const {
  if (entry.ranges.empty()) return {};
  if (trust_ == trust::doubted) return "the server has come back, and its counter was not looked at since";
  return entry.stale ? "the server's counter may have gone back" : "";
}

std::string id_book::why_no_run(const table_entry& entry, std::uint64_t rows) const {
  const auto name = quoted(entry.facts.name);
  if (const auto left = ids_left(entry.ranges); left > 0)
    return fmt::format("no {} ids in a row that fit the session are left for {}, {} ids are", rows, name,
                       left);
  return fmt::format("no ids are reserved for {}: {}", name, why_no_block(entry));
}

std::string id_book::why_no_block(const table_entry& entry) const {
  if (block_ == 0) return "insert_ids.block is 0";
  if (!store_trouble_.empty()) return store_trouble_;
  if (auto text = obstacle(entry.facts); !text.empty()) return text;
  if (auto text = why_doubted(entry); !text.empty()) return text;
  if (!entry.trouble.empty()) return entry.trouble;
  if (entry.used > 0 || !entry.ranges.empty()) return "the block is used up";
  return entry.seen ? "not yet" : never_inserted;
}

bool id_book::saw_insert(std::string_view schema, std::string_view table) {
  if (schema.empty() || table.empty()) return false;
  const std::lock_guard lock(mutex_);
  if (auto* entry = find(schema, table)) return !entry->seen && mark_seen(*entry);
  return note_missing(schema, table);
}

bool id_book::saw_insert(std::string_view schema, std::string_view table, std::string_view text,
                         const protocol::sql::statement& one, const protocol::sql::dialect& how,
                         std::optional<bool>& makes_id) {
  if (schema.empty() || table.empty()) return false;
  const std::lock_guard lock(mutex_);
  auto* entry = find(schema, table);
  if (!entry) return note_missing(schema, table);
  if (entry->facts.base_table() && !is_upsert(one)) {
    const auto need = ids_needed(entry->facts, text, one, how);
    if (need.what != id_need::answer::unknown) makes_id = need.what == id_need::answer::rows;
  }
  return !entry->seen && mark_seen(*entry);
}

bool id_book::note_missing(std::string_view schema, std::string_view table) {
  if (missing_.size() >= missing_most) return false;
  return missing_.try_emplace(lookup_name(schema, table, server_.names_folded), false).second;
}

// A mark that the disk refuses is tried again with the next insert.
bool id_book::mark_seen(table_entry& entry) {
  entry.seen = true;
  if (auto saved = store_.save(entry); !saved) {
    entry.seen = false;
    entry.trouble = saved.error().context;
    return false;
  }
  return wants(entry);
}

std::vector<std::string> id_book::tables_without_ids() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> lines;
  for (const auto& [key, entry] : tables_)
    if (entry.seen && entry.facts.makes_ids() && (ids_left(entry.ranges) == 0 || !why_doubted(entry).empty()))
      lines.push_back(
          fmt::format("{}.{}: {}", entry.facts.name.schema, entry.facts.name.table, why_no_block(entry)));
  return lines;
}

std::size_t id_book::known_tables() const {
  const std::lock_guard lock(mutex_);
  return tables_.size();
}

} // namespace holdwater::proxy
