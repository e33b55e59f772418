#include "proxy/own_writes/written_rows.hpp"

#include <algorithm>

namespace holdwater::proxy {
namespace {

std::string key_of(const spool::table_name& name) {
  auto key = name.schema + '\0' + name.table;
  for (auto& c : key)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return key;
}

// Names beyond ASCII may be the same in other bytes.
bool is_ascii(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::size_t size_of(const row_write& one) {
  constexpr std::size_t of_a_string = sizeof(std::string) + 16;
  std::size_t bytes = sizeof one + one.table.schema.size() + one.table.table.size();
  if (!one.what) return bytes;
  const auto add = [&](const std::string& text) { bytes += of_a_string + text.size(); };
  for (const auto& [column, value] : one.what->assigned) add(column), add(value.bytes);
  for (const auto& column : one.what->columns) add(column);
  for (const auto& row : one.what->rows)
    for (const auto& value : row) add(value.bytes);
  return bytes;
}

} // namespace

void written_rows::begin_anew(spool::seq first) {
  by_table_.clear();
  bytes_ = 0;
  first_ = first;
}

void written_rows::add(spool::seq number, std::vector<row_write> what) {
  const std::lock_guard lock(mutex_);
  if (number != last_ + 1) begin_anew(number);
  last_ = number;
  for (auto& one : what) {
    bytes_ += size_of(one);
    auto& list = by_table_[key_of(one.table)];
    list.emplace_back(number, std::make_shared<const row_write>(std::move(one)));
  }
  if (bytes_ > most_bytes_) begin_anew(number + 1);
}

// What is before it was applied, or set aside.
void written_rows::drop_settled(spool::seq after) {
  if (after < first_) return;
  if (after >= last_) return begin_anew(last_ + 1);
  first_ = after + 1;
  bytes_ = 0;
  for (auto& [key, list] : by_table_) {
    std::erase_if(list, [&](const entry& one) { return one.first <= after; });
    for (const auto& one : list) bytes_ += size_of(*one.second);
  }
  std::erase_if(by_table_, [](const auto& one) { return one.second.empty(); });
}

std::optional<row_writes> written_rows::on(const spool::table_name& table, spool::seq after,
                                           spool::seq last) {
  const std::lock_guard lock(mutex_);
  if (after >= last) return row_writes{};
  if (after + 1 < first_ || last > last_ || !is_ascii(table.schema) || !is_ascii(table.table))
    return std::nullopt;
  drop_settled(after);
  row_writes out;
  const auto found = by_table_.find(key_of(table));
  if (found == by_table_.end()) return out;
  for (const auto& [number, one] : found->second) {
    if (number > last) break;
    if (one->table != table) return std::nullopt; // whether these are one is the server's secret
    out.push_back(one);
  }
  return out;
}

} // namespace holdwater::proxy
