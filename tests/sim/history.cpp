#include "tests/sim/history.hpp"

#include <algorithm>
#include <utility>

namespace holdwater::sim {

moment calendar_now(); // kernel_clock.cpp

namespace {

std::string describe(const write_context& one) {
  return fmt::format("time_zone {}, sql_mode {}, names {}, @x {}", one.time_zone, one.sql_mode, one.names,
                     one.variable);
}

} // namespace

void history::fail(int promise, const std::string& what) const {
  machine::the().fail(fmt::format("promise {}: {}", promise, what));
}

unit& history::begin(bool transaction) {
  auto& made = units_.emplace_back();
  made.transaction = transaction;
  return made;
}

expected_write& history::add(unit& of, std::string tag, expected_write what) {
  if (of.name.empty()) {
    of.name = tag;
    of.began = machine::the().now();
  }
  of.tags.push_back(tag);
  what.of = &of;
  what.sent = calendar_now();
  return writes_[std::move(tag)] = std::move(what);
}

void history::leave_out(const std::string& tag) {
  auto& one = writes_.at(tag);
  one.in_unit = false;
  auto& tags = one.of->tags;
  tags.erase(std::remove(tags.begin(), tags.end(), tag), tags.end());
}

void history::sends(unit& one) {
  one.sent = machine::the().now();
  one.commit_sent = true;
  one.queued_before = seqs_.empty() ? 0 : *seqs_.rbegin();
}

void history::acknowledged(unit& one, std::optional<std::uint64_t> seq) {
  one.is = unit::outcome::acknowledged;
  one.told = machine::the().now();
  const auto there = [&](const std::string& tag) { return writes_.at(tag).ever_applied; };
  if (!seq) {
    for (const auto& tag : one.tags)
      if (!there(tag)) fail(6, fmt::format("{} was told OK as if the server had it, which it has not", tag));
    return count_answer(one);
  }
  if (*seq == 0) fail(6, fmt::format("{} was queued, and its OK does not say as which unit", one.name));
  if (!seqs_.insert(*seq).second)
    fail(3, fmt::format("{} was queued as unit {}, as another was", one.name, *seq));
  if (*seq <= one.queued_before)
    fail(3, fmt::format("{} was queued as unit {}, but {} was known before it was sent", one.name, *seq,
                        one.queued_before));
  one.queued_as = *seq;
  happened(one.transaction ? "transaction queued" : "write queued");
  if (!std::all_of(one.tags.begin(), one.tags.end(), there)) pending_.emplace(one.told, &one);
}

// An OK that is not marked.
void history::count_answer(const unit& one) {
  if (one.tags.empty()) return;
  const bool replayed = writes_.at(one.tags.front()).by_replay;
  happened(replayed ? "queued while draining, and answered by the server" : "acknowledged by the server");
  if (!replayed && !one.transaction && one.told - one.sent > 50 * millisecond)
    happened("held, and then forwarded");
}

void history::refused(unit& one, const std::string& why) {
  one.is = unit::outcome::refused;
  one.told = machine::the().now();
  for (const auto& tag : one.tags)
    if (writes_.at(tag).ever_applied)
      fail(6, fmt::format("{} was refused ({}), and it was applied", tag, why));
}

void history::unknown(unit& one) {
  one.is = unit::outcome::unknown;
  one.told = machine::the().now();
}

void history::told_id(const std::string& tag, std::uint64_t id) {
  auto& one = writes_.at(tag);
  one.insert_id = id;
  if (one.given_id && *one.given_id != id)
    fail(6, fmt::format("{} was told the id {}, and its row has {}", tag, id, *one.given_id));
}

void history::read(const std::string& tag, std::uint64_t hash) {
  const auto found = answers_.find(tag);
  if (found == answers_.end() || !found->second.contains(hash))
    fail(9, fmt::format("the read {} was answered with other bytes than the server's", tag));
}

void history::check_write(const write_record& got, expected_write& wanted) {
  const auto& of = *wanted.of;
  const auto& tag = got.tag;
  const bool by_person = of.retried && of.may_die; // who has looked at what was in doubt, or has not
  if (++wanted.applied > 1 && !by_person) fail(2, fmt::format("{} was applied twice", tag));
  if (std::exchange(wanted.ever_applied, true)) happened("applied again, to a lagging copy");
  if (!wanted.in_unit) fail(6, fmt::format("{} was refused or rolled back, and it was applied", tag));
  if (of.is == unit::outcome::refused) fail(6, fmt::format("{} was refused, and it was applied", tag));
  if (of.discarded) fail(8, fmt::format("{} was discarded, and it was applied", tag));
  if (!of.commit_sent) fail(4, fmt::format("{} was applied before its client sent COMMIT", tag));
  if (got.digest != wanted.digest)
    fail(9, fmt::format("{} was sent as\n  {}\nand was applied as\n  {}", tag, wanted.digest, got.digest));
  if (got.account != wanted.account)
    fail(7, fmt::format("{} was written by {} and applied by {}", tag, wanted.account, got.account));
  if (got.schema != wanted.schema || got.table != wanted.table)
    fail(6, fmt::format("{} was meant for {}.{} and went to {}.{}", tag, wanted.schema, wanted.table,
                        got.schema, got.table));
  if (got.context != wanted.context)
    fail(6, fmt::format("{} was meant under\n  {}\nand ran under\n  {}", tag, describe(wanted.context),
                        describe(got.context)));
  if (got.when + microsecond < wanted.sent || got.when > calendar_now() || got.when > wanted.told)
    fail(6, fmt::format("{} was sent at {} and told at {}, and ran at {}", tag, wanted.sent, wanted.told,
                        got.when));
  wanted.given_id = got.insert_id;
  if (wanted.insert_id && *wanted.insert_id != got.insert_id)
    fail(6, fmt::format("{} was told the id {}, and its row has {}", tag, *wanted.insert_id, got.insert_id));
}

// What a transaction at the server has written is done when it was written, not when it commits.
void history::check_overtaken(const unit& by, bool by_replay) {
  const auto sent = by_replay ? by.sent : by.began;
  for (const auto& [told, other] : pending_) {
    if (told >= sent) break;
    if (other->may_die || other->retried || other == &by) continue;
    if (!other->tags.empty() && writes_.at(other->tags.front()).ever_applied) {
      // A copy that lags has lost it. One with more connections behind it than were ever seen is not
      // recognised.
      happened(by_replay ? "replayed before what a lagging copy lacks"
                         : "written before what a lagging copy lacks");
      continue;
    }
    fail(3, fmt::format("{} was acknowledged before {} was sent, and is applied after it", other->name,
                        by.name));
  }
}

void history::committed(const commit_record& what) {
  std::string ledger;
  for (const auto& [spool, row] : what.ledger)
    ledger += fmt::format(", ledger at {}, epoch {}", row.applied, row.epoch);
  std::string all;
  for (const auto& one : what.writes) all += ' ' + one.tag;
  machine::the().note("committed:{}{}", all, ledger);
  for (std::size_t at = 0; at < what.writes.size();) {
    const auto found = writes_.find(what.writes[at].tag);
    if (found == writes_.end()) fail(6, fmt::format("nobody has sent {}", what.writes[at].tag));
    auto& of = *found->second.of;
    const auto begin = at;
    std::vector<std::string> tags;
    while (at < what.writes.size() && (at == begin || (of.transaction && tags.size() < of.tags.size()))) {
      const auto next = writes_.find(what.writes[at].tag);
      if (next == writes_.end() || next->second.of != &of) break;
      check_write(what.writes[at], next->second);
      next->second.by_replay = !what.ledger.empty();
      tags.push_back(what.writes[at++].tag);
    }
    if (tags != of.tags)
      fail(4, fmt::format("of the transaction {} there is [{}] and not [{}]", of.name, fmt::join(tags, " "),
                          fmt::join(of.tags, " ")));
    pending_.erase({of.told, &of});
    check_overtaken(of, !what.ledger.empty());
    if (of.queued_as != 0) happened("queued, and applied later");
    if (of.is == unit::outcome::unknown) happened("unknown to its client, and applied");
  }
  if (what.writes.size() > 1 && !what.ledger.empty()) happened("replay: several writes in one transaction");
}

void history::refused(const std::string& tag, unsigned) {
  const auto found = writes_.find(tag);
  if (found == writes_.end()) return;
  auto& of = *found->second.of;
  if (of.is != unit::outcome::acknowledged || of.may_die) return;
  if (!lost_some_) fail(1, fmt::format("{} was acknowledged, and the server refuses it", tag));
  of.may_die = true; // a lagging copy may have given its id to another row
}

void history::forgotten(const std::vector<commit_record>& lost) {
  lost_some_ = true;
  for (const auto& record : lost)
    for (const auto& one : record.writes) {
      auto& write = writes_.at(one.tag);
      --write.applied;
      auto& of = *write.of;
      if (of.is == unit::outcome::acknowledged && of.queued_as != 0) pending_.emplace(of.told, &of);
    }
}

void history::is_dead(const std::string& tag) {
  const auto found = writes_.find(tag);
  if (found == writes_.end()) fail(8, fmt::format("a dead letter of nobody: {}", tag));
  auto& of = *found->second.of;
  if (!of.may_die && !lost_some_)
    fail(1, fmt::format("{} is a dead letter, and the server has no reason to refuse it", tag));
  if (of.is == unit::outcome::refused)
    fail(6, fmt::format("{} was refused to its client, and is a dead letter", tag));
  of.dead = true;
  pending_.erase({of.told, &of});
}

void history::is_retried(const std::string& tag) {
  auto& of = *writes_.at(tag).of;
  of.dead = false;
  of.retried = true;
}

void history::is_discarded(const std::string& tag) {
  auto& of = *writes_.at(tag).of;
  of.dead = false;
  of.discarded = true;
}

void history::check_all() const {
  for (const auto& [tag, one] : writes_) {
    const auto& of = *one.of;
    if (of.is != unit::outcome::acknowledged || !one.in_unit || one.applied >= 1 || of.dead || of.discarded)
      continue;
    if (of.queued_as == 0 && one.ever_applied && lost_some_) continue; // the server's own loss
    fail(of.may_die ? 8 : 1, fmt::format("{} was acknowledged{}, and is nowhere", tag,
                                         of.queued_as == 0 ? "" : fmt::format(" as unit {}", of.queued_as)));
  }
}

} // namespace holdwater::sim
