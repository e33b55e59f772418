#include "proxy/session/collected_transaction.hpp"

#include <boost/algorithm/string/predicate.hpp>

#include <algorithm>
#include <cassert>
#include <utility>

namespace holdwater::proxy {
namespace {

// What a statement takes besides its text and variables: mostly its context.
constexpr std::uint64_t overhead = 1024;

std::uint64_t size_of(const spool::statement& one) {
  std::uint64_t size = overhead + one.text.size();
  for (const auto& each : one.parameters) size += sizeof each + (each.value ? each.value->size() : 0);
  for (const auto& each : one.user_variables) size += each.name.size() + each.literal.size();
  return size;
}

} // namespace

bool add_within(std::uint64_t most, std::uint64_t& bytes, spool::statement one,
                std::vector<spool::statement>& all) {
  const auto size = size_of(one);
  if (!all.empty() && bytes + size > most) return false;
  bytes += size;
  all.push_back(std::move(one));
  return true;
}

void collected_transaction::begin(transaction_mode mode) {
  assert(!open_);
  mode_ = std::move(mode);
  open_ = true;
}

void collected_transaction::forget() {
  ended_one_ = std::exchange(open_, false);
  reads_ = reads::none;
  statements_ = {};
  savepoints_.clear();
  bytes_ = 0;
}

void collected_transaction::chain() {
  assert(!open_ && ended_one_);
  open_ = true;
}

std::vector<spool::statement> collected_transaction::take() {
  assert(open_);
  auto all = std::move(statements_);
  forget();
  return all;
}

bool collected_transaction::has_room_for(const std::vector<spool::statement>& more,
                                         const limits& most) const {
  auto bytes = bytes_;
  for (const auto& one : more) bytes += size_of(one);
  return statements_.size() + more.size() <= most.statements && bytes <= most.bytes;
}

void collected_transaction::add(spool::statement one) {
  assert(open_);
  bytes_ += size_of(one);
  one.context.isolation = mode_.isolation;
  statements_.push_back(std::move(one));
}

void collected_transaction::set_savepoint(std::string name) {
  const auto old = find(name);
  if (old != savepoints_.end()) savepoints_.erase(old);
  savepoints_.push_back({std::move(name), statements_.size(), bytes_});
}

bool collected_transaction::roll_back_to(std::string_view name) {
  const auto at = find(name);
  if (at == savepoints_.end()) return false;
  statements_.resize(at->statements);
  bytes_ = at->bytes;
  savepoints_.erase(at + 1, savepoints_.end());
  return true;
}

bool collected_transaction::release_savepoint(std::string_view name) {
  const auto at = find(name);
  if (at == savepoints_.end()) return false;
  savepoints_.erase(at, savepoints_.end());
  return true;
}

std::vector<collected_transaction::savepoint>::iterator collected_transaction::find(std::string_view name) {
  return std::find_if(savepoints_.begin(), savepoints_.end(),
                      [&](const savepoint& one) { return boost::algorithm::iequals(one.name, name); });
}

} // namespace holdwater::proxy
