#include "proxy/server/monitor.hpp"

#include "proxy/config/load_options.hpp"
#include "proxy/log_scope.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace holdwater::proxy {

using steady_clock = std::chrono::steady_clock;

monitor::monitor(const options& settings, server_list& servers, state_board& board, spool::replayer* replay,
                 spool::spool* queue)
    : settings_(settings), servers_(servers), board_(board), replay_(replay), queue_(queue),
      suspect_since_(steady_clock::now()), since_(std::chrono::system_clock::now()) {
  if (!queue_) return;
  // A ledger that was there before this start is trusted until the server says otherwise.
  const auto made = queue_->fact("ledger.made");
  if (!made || !*made) spool_refusal_ = "it is not known yet whether the server can keep a ledger";
}

monitor::~monitor() {
  stop();
}

void monitor::start() {
  watcher_ = std::thread(in_log_scope([this] { watch(); }));
  if (replay_) replayer_ = std::thread(in_log_scope([this] { replay(); }));
}

void monitor::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  if (replay_) replay_->stop();
  watch_wakes_.notify_all();
  replay_wakes_.notify_all();
  if (watcher_.joinable()) watcher_.join();
  if (replayer_.joinable()) replayer_.join();
}

void monitor::reload(const options& fresh) {
  const std::lock_guard lock(mutex_);
  fresh_ = fresh;
  check_wanted_ = true;
  watch_wakes_.notify_all();
}

void monitor::report(const std::string& what) {
  const std::lock_guard lock(mutex_);
  apply(server_event::trouble, what);
}

void monitor::report_another_server(const std::string& what) {
  const std::lock_guard lock(mutex_);
  fresh_connection_wanted_ = true;
  apply(server_event::trouble, what);
}

void monitor::ask_for_check() {
  const std::lock_guard lock(mutex_);
  // Many sessions may wait on the same slow server: one look a second is enough. What was met since the last
  // look is looked at all the same, only later.
  const auto now = board_.view();
  const bool gone = now.state == server_state::down && !now.reads;
  if (gone) return;
  if (const auto next = last_check_ + std::chrono::seconds(1); steady_clock::now() < next)
    next_check_ = std::min(next_check_, next);
  else
    check_wanted_ = true;
  watch_wakes_.notify_all();
}

void monitor::ask_for_drain() {
  const std::lock_guard lock(mutex_);
  apply(server_event::units_waiting, {});
}

void monitor::reconnect_now(std::function<void(bool, std::string)> done) {
  const std::lock_guard lock(mutex_);
  reconnect_waiters_.push_back(std::move(done));
  check_wanted_ = fresh_connection_wanted_ = true;
  watch_wakes_.notify_all();
}

monitor::snapshot monitor::look() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> without;
  without.reserve(without_ledger_.size());
  for (const auto& [account, why] : without_ledger_) without.push_back(account);
  return {board_.view(),     since_, last_error_, reconnects_, spool_refusal_, history_.changes().back().why,
          std::move(without)};
}

monitor::effort monitor::efforts() const {
  const std::lock_guard lock(mutex_);
  auto out = efforts_;
  out.seconds_in = history_.seconds();
  return out;
}

std::vector<state_history::change> monitor::past() const {
  const std::lock_guard lock(mutex_);
  return {history_.changes().begin(), history_.changes().end()};
}

// Under the lock.
void monitor::note(probe_result result, bool connects) {
  switch (result) {
  case probe_result::still_there:
  case probe_result::fresh: ++efforts_.passed; break;
  case probe_result::not_now: ++efforts_.not_now; break;
  case probe_result::failed:
  case probe_result::others_turn: ++efforts_.failed; break;
  case probe_result::timed_out: ++efforts_.timed_out; break;
  }
  if (!connects) return;
  ++efforts_.connects;
  if (result == probe_result::failed || result == probe_result::timed_out ||
      result == probe_result::others_turn)
    ++efforts_.connects_failed;
}

std::string monitor::spool_refusal(const std::string& account) const {
  const std::lock_guard lock(mutex_);
  if (!spool_refusal_.empty()) return spool_refusal_;
  const auto known = without_ledger_.find(account);
  return known == without_ledger_.end() ? std::string() : known->second;
}

// ---------------------------------------------------------------------------------------------- watching
// thread

void monitor::watch() {
  std::unique_lock lock(mutex_);
  next_check_ = steady_clock::now();
  while (!stopping_) {
    watch_wakes_.wait_until(lock, next_check_, [this] { return stopping_ || check_wanted_; });
    if (stopping_) break;
    if (!check_wanted_ && steady_clock::now() < next_check_) continue;
    if (const auto fresh = std::exchange(fresh_, std::nullopt)) take_reloadable(settings_, *fresh);
    check_wanted_ = false;
    const bool fresh = std::exchange(fresh_connection_wanted_, false);
    last_check_ = steady_clock::now();
    auto waiters = std::exchange(reconnect_waiters_, {});
    lock.unlock();

    if (fresh) connection_.reset();
    const bool connects = connection_ == nullptr;
    std::string error;
    const auto result = probe(error);

    lock.lock();
    note(result, connects);
    switch (result) {
    case probe_result::still_there:
      apply(server_event::check_passed, {});
      ask_for_accounts();
      break;
    case probe_result::fresh: apply(server_event::connected, {}); break;
    case probe_result::not_now: apply(server_event::check_not_now, error); break;
    case probe_result::failed: apply(server_event::check_failed, error); break;
    case probe_result::timed_out:
    case probe_result::others_turn: apply(server_event::check_timed_out, error); break;
    }
    // Not before the state has changed: until then nobody may write to another server than before.
    if (connects && connection_) ids_.see(connection_->connection_id());
    lock.unlock();
    for (const auto& done : waiters) done(error.empty(), error);
    drop_old_units();
    lock.lock();
  }
}

// Under the lock. Rights that were given to an account give no other sign.
void monitor::ask_for_accounts() {
  constexpr std::chrono::minutes at_most_each{1};
  const auto at = steady_clock::now();
  if (without_ledger_.empty() || board_.view().state != server_state::up) return;
  if (at < accounts_looked_at_ + at_most_each) return;
  accounts_looked_at_ = at;
  wanted_ = std::max(wanted_, replay_wish::look_at_accounts);
  replay_wakes_.notify_all();
}

// Applied units are kept for a time only; replay sees to it when it runs, and this in between.
void monitor::drop_old_units() {
  if (!queue_) return;
  if (const auto done = queue_->compact(); !done)
    spdlog::warn("old units were not dropped: {}", done.error().context);
}

// -------------------------------------------------------------------------------------- the state, under the
// lock

namespace {

bool tells_of_halt(server_event event) {
  return event == server_event::replay_halted || event == server_event::replay_stuck ||
         event == server_event::spool_failed;
}

} // namespace

void monitor::apply(server_event event, const std::string& why) {
  const auto now = board_.view();
  if (!why.empty()) last_error_ = why;
  const server_facts facts{replay_ != nullptr, steady_clock::now() - suspect_since_ >= settings_.hold(),
                           now.reads, look_at_obstacle()};
  auto decided = step(now.state, event, facts);
  if (decided.next == server_state::up && now.state != server_state::up && replay_ &&
      !board_.publish_up_if([this] { return queue_->counts().pending == 0; }))
    decided = {server_state::draining, server_action::start_drain};
  if (decided.next != now.state || decided.reads != now.reads)
    enter(now, decided, why);
  else if (tells_of_halt(event) && history_.say_why(why))
    spdlog::warn("the server is {} still: {}", name_of(decided.next), why);

  const auto at = steady_clock::now();
  switch (decided.action) {
  case server_action::wait_for_interval:
    attempts_ = 0;
    next_check_ = at + settings_.check_interval;
    break;
  case server_action::check_now:
    check_wanted_ = true;
    watch_wakes_.notify_all();
    break;
  case server_action::retry_soon: {
    const double random = std::uniform_real_distribution<double>(0, 1)(random_);
    next_check_ = at + backoff(attempts_++, settings_.retry_delay, random);
    // The verdict comes when the retries are used up, not at some attempt after that.
    const auto verdict = suspect_since_ + settings_.hold();
    if (decided.next == server_state::suspect && verdict > at) next_check_ = std::min(next_check_, verdict);
    watch_wakes_.notify_all();
    break;
  }
  case server_action::retry_later:
    next_check_ = at + std::min(settings_.retry_delay, settings_.check_interval);
    watch_wakes_.notify_all();
    break;
  case server_action::keep_pace: break;
  case server_action::start_drain: // the pauses grow on if it fails again
    next_check_ = at + settings_.check_interval;
    wanted_ = replay_wish::attach_and_drain;
    replay_wakes_.notify_all();
    break;
  case server_action::try_next_unit:
    next_check_ = at + settings_.check_interval;
    tried_at_ = at;
    wanted_ = std::max(wanted_, replay_wish::drain);
    replay_wakes_.notify_all();
    break;
  }
}

obstacle monitor::look_at_obstacle() const {
  switch (last_try_) {
  case last_try::went_well: return obstacle::none;
  case last_try::spool_failed: return queue_->trouble() ? obstacle::spool_failed : obstacle::spool_recovered;
  case last_try::stuck: break;
  }
  const bool due = steady_clock::now() >= tried_at_ + settings_.check_interval;
  return due ? obstacle::unit_due : obstacle::unit_refused;
}

void monitor::enter(const server_view& before, const server_step& to, const std::string& why) {
  const auto at = std::chrono::system_clock::now();
  const auto lasted = std::chrono::duration<double>(at - since_).count();
  const bool good = to.next == server_state::up || to.next == server_state::draining;
  spdlog::log(good ? spdlog::level::info : spdlog::level::warn, "the server is {}{} after {:.1f} s{}{}",
              name_of(to.next), to.reads ? ", reads go on," : "", lasted, why.empty() ? "" : ": ", why);
  history_.enter(to.next, to.reads, why);
  if (to.next != before.state) {
    since_ = at;
    if (to.next == server_state::suspect) suspect_since_ = steady_clock::now();
    const bool reached = to.next == server_state::draining || (to.next == server_state::up && !replay_);
    if (reached && before.state != server_state::halted && std::exchange(met_, true)) ++reconnects_;
  }
  if (board_.view().state != to.next || to.reads != board_.view().reads) board_.publish(to.next, to.reads);
}

} // namespace holdwater::proxy
