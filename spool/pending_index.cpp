#include "spool/pending_index.hpp"

#include <algorithm>

namespace holdwater::spool {
namespace {

constexpr char any_table[] = ""; // the key of a unit whose tables are not known

// Whether names are case-sensitive is the server's secret (lower_case_table_names), and so is the charset of
// the bytes: fold what may be the same name into one. Too many matches cost a wait, too few a stale read.
void append_folded(std::string& key, const std::string& name) {
  for (const unsigned char c : name) {
    if (c < 0x80)
      key.push_back(static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c));
    else if (key.empty() || key.back() != '\x7f')
      key.push_back('\x7f');
  }
}

std::string key_of(const table_name& name) {
  std::string key;
  append_folded(key, name.schema);
  key.push_back('.');
  append_folded(key, name.table);
  return key;
}

std::vector<std::string> keys_of(const std::vector<table_name>& tables) {
  if (tables.empty()) return {any_table};
  std::vector<std::string> keys;
  keys.reserve(tables.size());
  for (const auto& name : tables) keys.push_back(key_of(name));
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

} // namespace

void pending_index::add_pending(seq number, std::uint64_t bytes, std::chrono::microseconds accepted_at,
                                const std::vector<table_name>& tables) {
  for (const auto& key : keys_of(tables)) ++writers_[key];
  bytes_ += bytes;
  ++pending_;
  if (!front_) front_ = queue_front{number, accepted_at};
}

void pending_index::remove_pending(const departure& gone) {
  for (const auto& [tables, units] : gone.written)
    for (const auto& key : keys_of(tables)) {
      const auto found = writers_.find(key);
      found->second -= units;
      if (found->second == 0) writers_.erase(found);
    }
  bytes_ -= gone.bytes;
  pending_ -= gone.units;
  front_ = gone.front;
}

void pending_index::add_dead(seq number, std::uint64_t bytes) {
  bytes_ += bytes;
  dead_.emplace(number, bytes);
}

void pending_index::remove_dead(seq number) {
  const auto found = dead_.find(number);
  if (found == dead_.end()) return;
  bytes_ -= found->second;
  dead_.erase(found);
}

bool pending_index::writes_any(const std::vector<table_name>& tables) const {
  if (writers_.empty()) return false;
  if (writers_.contains(any_table)) return true;
  return std::any_of(tables.begin(), tables.end(),
                     [&](const auto& t) { return writers_.contains(key_of(t)); });
}

} // namespace holdwater::spool
