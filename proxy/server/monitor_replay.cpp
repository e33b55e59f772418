// The replaying thread: attach to the ledger, apply what is pending, and what the state is to be told of it.
#include "proxy/server/monitor.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace holdwater::proxy {

void monitor::replay() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    replay_wakes_.wait(lock, [this] { return stopping_ || wanted_ != replay_wish::none; });
    if (stopping_) break;
    const auto wish = std::exchange(wanted_, replay_wish::none);
    lock.unlock();
    // Its connections are no more when another server has come meanwhile, for which an attach is wanted.
    const bool has_attached = attached_ && servers_.replay_is_bound();
    if (wish == replay_wish::look_at_accounts) {
      if (has_attached) look_at_accounts();
    } else {
      if (wish == replay_wish::attach_and_drain || !has_attached) attached_ = attach();
      if (attached_) drain();
    }
    lock.lock();
  }
}

// What comes of it is of no account when another server has taken that one's place meanwhile: the drain that
// its coming asks for begins anew, with its own ledger.
bool monitor::attach() {
  servers_.bind_replay();
  const auto attached = replay_->attach();
  const std::lock_guard lock(mutex_);
  if (!servers_.replay_is_bound()) return false;
  const bool ready = attached.status == spool::attach_status::ready;
  if (!ready || last_try_ == last_try::spool_failed) last_try_ = last_try::went_well;
  switch (attached.status) {
  case spool::attach_status::ready:
    spool_refusal_.clear();
    if (attached.again > 0)
      spdlog::warn("the server came back with older data: {} writes were applied to it again",
                   attached.again);
    note_without_ledger({attached.without_ledger.begin(), attached.without_ledger.end()});
    break;
  case spool::attach_status::no_ledger:
    spool_refusal_ = attached.reason;
    spdlog::error("writes cannot be spooled: {}", attached.reason);
    if (queue_->counts().pending > 0)
      apply(server_event::replay_halted, attached.reason);
    else
      apply(server_event::drained, {});
    break;
  case spool::attach_status::ledger_gone:
  case spool::attach_status::ledger_ahead:
  case spool::attach_status::ledger_behind:
  case spool::attach_status::fenced:
    spool_refusal_ = attached.reason;
    apply(server_event::replay_halted, attached.reason);
    break;
  case spool::attach_status::stuck:
    spool_refusal_.clear();
    stay_stuck(attached.reason);
    break;
  case spool::attach_status::unreachable:
    apply(attached.server_answers ? server_event::replay_not_now : server_event::replay_lost_server,
          attached.reason);
    break;
  case spool::attach_status::spool_failed: stop_for_spool(attached.reason); break;
  }
  return ready;
}

// What has halted, or is stuck, is over when it has gone on, not when all is done: the rest may be long.
void monitor::drain() {
  using how_far = spool::replayer::how_far;
  auto steps = how_far::to_the_end;
  {
    const std::lock_guard lock(mutex_);
    if (last_try_ == last_try::stuck || board_.view().state == server_state::halted)
      steps = how_far::one_step;
  }
  const auto report = replay_->drain(steps);
  {
    const std::lock_guard lock(mutex_);
    if (!servers_.replay_is_bound()) return;
    take_outcome(report);
    if (report.outcome != spool::replay_outcome::went_on) return;
  }
  const auto rest = replay_->drain();
  const std::lock_guard lock(mutex_);
  if (servers_.replay_is_bound()) take_outcome(rest);
}

void monitor::take_outcome(const spool::replay_report& report) {
  const bool was_stuck = std::exchange(last_try_, last_try::went_well) == last_try::stuck;
  const bool goes_on =
      report.outcome == spool::replay_outcome::drained || report.outcome == spool::replay_outcome::went_on;
  if (was_stuck && goes_on) wanted_ = std::max(wanted_, replay_wish::look_at_accounts);
  switch (report.outcome) {
  case spool::replay_outcome::drained:
    if (was_stuck) apply(server_event::replay_went_on, {});
    apply(server_event::drained, {});
    break;
  case spool::replay_outcome::went_on: apply(server_event::replay_went_on, {}); break;
  case spool::replay_outcome::unreachable:
    apply(report.server_answers ? server_event::replay_not_now : server_event::replay_lost_server,
          report.reason);
    break;
  case spool::replay_outcome::stuck: stay_stuck(report.reason); break;
  case spool::replay_outcome::halted:
    spool_refusal_ = report.reason;
    apply(server_event::replay_halted, report.reason);
    break;
  case spool::replay_outcome::spool_failed: stop_for_spool(report.reason); break;
  case spool::replay_outcome::stopped: break;
  }
}

void monitor::stay_stuck(const std::string& at) {
  last_try_ = last_try::stuck;
  stuck_at_ = at;
  tried_at_ = std::chrono::steady_clock::now();
  apply(server_event::replay_stuck, at);
}

// The disk may recover: the checks try again. Meanwhile nothing may overtake what is pending.
void monitor::stop_for_spool(const std::string& why) {
  last_try_ = last_try::spool_failed; // what it means for new units, spool::trouble() tells
  spdlog::error("replay stopped: {}", why);
  apply(queue_->counts().pending > 0 ? server_event::spool_failed : server_event::drained, why);
}

void monitor::look_at_accounts() {
  spool::accounts_with_reasons known;
  {
    const std::lock_guard lock(mutex_);
    known.assign(without_ledger_.begin(), without_ledger_.end());
  }
  const auto still = replay_->look_again(known);
  const std::lock_guard lock(mutex_);
  if (servers_.replay_is_bound()) note_without_ledger({still.begin(), still.end()});
}

// What is known already is not logged again.
void monitor::note_without_ledger(std::map<std::string, std::string> found) {
  for (const auto& [account, why] : found)
    if (const auto known = without_ledger_.find(account);
        known == without_ledger_.end() || known->second != why)
      spdlog::warn("its writes cannot be spooled: {}", why);
  for (const auto& [account, why] : without_ledger_)
    if (!found.contains(account)) spdlog::info("the writes of '{}' can be spooled from now on", account);
  accounts_looked_at_ = std::chrono::steady_clock::now();
  without_ledger_ = std::move(found);
}

} // namespace holdwater::proxy
