#include "tests/sim/database.hpp"

namespace holdwater::sim {

void database::add(const commit_record& what) {
  for (const auto& one : what.writes) {
    if (one.counter != 0) ++counters_[one.counter];
    ++rows_[one.tag.substr(0, one.tag.find('.'))];
  }
  for (const auto& [spool, row] : what.ledger) ledger_[spool] = row;
  ids_.insert(what.ids.begin(), what.ids.end());
}

void database::commit(commit_record what) {
  if (what.writes.empty() && what.ledger.empty() && what.ids.empty()) return;
  add(what);
  log_.push_back(std::move(what));
}

void database::forget_tail(std::size_t commits) {
  log_.resize(log_.size() - std::min(commits, log_.size()));
  ledger_.clear();
  ids_.clear();
  counters_.clear();
  rows_.clear();
  for (const auto& one : log_) add(one);
  next_id = ids_.empty() ? 1 : *ids_.rbegin() + 1;
}

void database::forget_ledger_row(const std::string& spool) {
  ledger_.erase(spool);
}

std::uint64_t database::counter(std::uint64_t id) const {
  const auto found = counters_.find(id);
  return found == counters_.end() ? 0 : found->second;
}

std::uint64_t database::rows_of(const std::string& client) const {
  const auto found = rows_.find(client);
  return found == rows_.end() ? 0 : found->second;
}

} // namespace holdwater::sim
