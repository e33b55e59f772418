#include "proxy/own_writes/pending_rows.hpp"

#include <algorithm>

namespace holdwater::proxy {
namespace {

using state = pending_row::state;
using kind = row_effect::kind;

std::string name_of(const spool::table_name& table) {
  return table.schema + '\0' + table.table;
}

std::uint64_t size_of(const std::string& key, const pending_row& row) {
  constexpr std::uint64_t around = 128;
  std::uint64_t bytes = around + key.size();
  for (const auto& [column, one] : row.cells) bytes += sizeof(cell) + 8 + (one.value ? one.value->size() : 0);
  return bytes;
}

void put(pending_row& to, const std::pair<std::size_t, cell>& one) {
  const auto at = std::find_if(to.cells.begin(), to.cells.end(),
                               [&](const auto& known) { return known.first == one.first; });
  if (at == to.cells.end())
    to.cells.push_back(one);
  else
    at->second = one.second;
}

void make_unclear(pending_row& row) {
  row.what = state::unclear;
  row.first = false;
  row.cells.clear();
}

} // namespace

void pending_rows::clear() {
  tables_.clear();
  bytes_ = 0;
  everything_unclear_ = false;
}

void pending_rows::add(spool::seq number, const write_effects& effects) {
  everything_unclear_ = everything_unclear_ || effects.everything_unclear;
  if (everything_unclear_) {
    tables_.clear();
    bytes_ = 0;
    return;
  }
  bool doubtful = false;
  for (const auto& one : effects.tables) {
    const bool taken = add_to_table(number, one);
    const bool clear =
        !one.all_unclear && std::none_of(one.rows.begin(), one.rows.end(),
                                         [](const auto& row) { return row.what == kind::unclear; });
    doubtful = doubtful || !taken || !clear;
  }
  if (doubtful) doubt_rows(effects);
}

bool pending_rows::add_to_table(spool::seq number, const table_effect& effect) {
  auto& table = tables_[name_of(effect.table)];
  if (table.version == 0) table.version = effect.version;
  if (effect.all_unclear || table.version != effect.version) lose_rows(table);
  if (table.all_unclear)
    return std::none_of(effect.rows.begin(), effect.rows.end(),
                        [](const row_effect& one) { return one.what == kind::made; });
  bool taken = true;
  for (const auto& one : effect.rows) {
    auto& row = table.rows[one.key];
    const auto before = row.what == state::untouched ? 0 : size_of(one.key, row);
    taken = apply(row, one) && taken;
    row.last = number;
    const auto after = size_of(one.key, row);
    table.bytes += after - before;
    bytes_ += after - before;
  }
  if (bytes_ > most_bytes_) lose_rows(table);
  return taken;
}

// With one of its statements refused, as it will or may be, none of a unit is applied: the rows stay as they
// were before it.
void pending_rows::doubt_rows(const write_effects& effects) {
  for (const auto& one : effects.tables) {
    const auto table = tables_.find(name_of(one.table));
    if (table == tables_.end()) continue;
    for (const auto& each : one.rows)
      if (const auto row = table->second.rows.find(each.key); row != table->second.rows.end())
        make_unclear(row->second);
  }
}

void pending_rows::lose_rows(table_rows& table) {
  table.all_unclear = true;
  table.rows = {};
  bytes_ -= table.bytes;
  table.bytes = 0;
}

bool pending_rows::apply(pending_row& to, const row_effect& effect) {
  if (effect.what == kind::erased) {
    to.what = state::erased;
    to.first = false;
    to.cells.clear();
    return true;
  }
  if (to.what == state::unclear) return effect.what != kind::made; // where a row may be
  switch (effect.what) {
  case kind::made: {
    const bool taken = to.what == state::untouched || to.what == state::erased;
    if (!taken) return make_unclear(to), false;
    to.first = to.what == state::untouched;
    to.what = state::whole;
    to.cells = effect.cells;
    return true;
  }
  case kind::changed:
    if (to.what == state::erased) return true; // it meets no row
    if (to.what == state::untouched) to.what = state::changed;
    for (const auto& one : effect.cells) put(to, one);
    return true;
  default: make_unclear(to); return true;
  }
}

pending_row pending_rows::find(const spool::table_name& table, std::uint64_t version,
                               const std::string& key) const {
  pending_row unclear;
  unclear.what = state::unclear;
  if (everything_unclear_) return unclear;
  const auto at = tables_.find(name_of(table));
  if (at == tables_.end()) return {};
  if (at->second.all_unclear || at->second.version != version) return unclear;
  const auto row = at->second.rows.find(key);
  return row == at->second.rows.end() ? pending_row{} : row->second;
}

} // namespace holdwater::proxy
