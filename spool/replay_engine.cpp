// The loop: read the next units, apply them, settle them.
#include "spool/replay_engine.hpp"

#include "spool/context_sql.hpp"
#include "spool/unit_codec.hpp"

#include <boost/throw_exception.hpp>

#include <algorithm>
#include <cassert>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace holdwater::spool {
namespace {

constexpr std::chrono::minutes compaction_interval{1};

const std::string& isolation_of(const unit& what) {
  return what.statements.front().context.isolation;
}

} // namespace

void throw_exception_from_error(const setback& error, const boost::source_location& where) {
  boost::throw_exception(std::runtime_error(error.reason), where);
}

replay_engine::replay_engine(spool& queue, replay_options options, replay_observer& observer,
                             connector connect)
    : queue_(queue), options_(std::move(options)), observer_(observer), connect_(std::move(connect)),
      sessions_(connect_, options_.accounts, [this](auto waited) { return goes_on_waiting(waited); }),
      ledger_(options_.database, options_.ledger_table, queue.id()) {
  assert(!options_.accounts.empty());
}

namespace {

replay_outcome outcome_of(setback::kind what) {
  switch (what) {
  case setback::kind::again:
  case setback::kind::unreachable: return replay_outcome::unreachable;
  case setback::kind::stuck: return replay_outcome::stuck;
  case setback::kind::halted: return replay_outcome::halted;
  case setback::kind::stopped: return replay_outcome::stopped;
  case setback::kind::spool_failed: break;
  }
  return replay_outcome::spool_failed;
}

} // namespace

replay_report replay_engine::drain(how_far until) {
  if (epoch_ == 0) return {replay_outcome::unreachable, "not attached to the ledger"};
  transactional_.clear();
  words_.clear();
  losses_ = 0;
  const auto began_at = position_;
  if (auto done = run(false, until); !done)
    return {outcome_of(done.error().what), done.error().reason, done.error().server_answers};
  if (until == how_far::one_step && position_ != began_at) return {replay_outcome::went_on};
  const auto now = std::chrono::steady_clock::now();
  if (compacted_at_ && now - *compacted_at_ < compaction_interval) return {};
  compacted_at_ = now;
  if (auto done = queue_.compact(); !done) return {replay_outcome::spool_failed, done.error().context};
  return {};
}

progress<void> replay_engine::run(bool only_reapply, how_far until) {
  const auto began_at = position_;
  while (until == how_far::to_the_end || position_ == began_at) {
    if (signal_.stopped()) return setback{setback::kind::stopped, "stopped"};
    auto next = next_batch(only_reapply);
    if (next && next->units.empty()) return {};
    auto done = next ? apply(*next) : progress<void>(next.error());
    if (!done && done.error().what != setback::kind::again) return done;
  }
  return {};
}

// While the ledger is behind, the applied units that it lacks come before the pending ones.
progress<std::vector<unit>> replay_engine::read_next(bool only_reapply, bool& reapplied) {
  reapplied = position_ < queue_.counts().applied;
  if (reapplied) {
    auto units = queue_.read_applied(position_, options_.batch_units, options_.batch_bytes);
    if (!units) return spool_failed(units.error());
    if (!units->empty()) return std::move(*units);
  }
  reapplied = false;
  if (only_reapply) return std::vector<unit>();
  auto units = read_pending();
  if (!units) return spool_failed(units.error());
  return std::move(*units);
}

result<std::vector<unit>> replay_engine::read_pending() {
  auto ahead = std::exchange(ahead_, {});
  if (ahead.after == position_) {
    if (!ahead.units.empty()) return std::move(ahead.units);
    if (ahead.coming.valid()) {
      auto units = ahead.coming.get();
      if (!units || !units->empty()) return units;
    }
  }
  return queue_.read_pending(position_, options_.batch_units, options_.batch_bytes);
}

void replay_engine::read_ahead(const batch& of) {
  if (of.reapplied || !ahead_.units.empty() || queue_.counts().last <= of.last()) return;
  ahead_ = {
      of.last(), {}, queue_.start_reading_pending(of.last(), options_.batch_units, options_.batch_bytes)};
}

progress<replay_engine::batch> replay_engine::next_batch(bool only_reapply) {
  batch next;
  auto units = read_next(only_reapply, next.reapplied);
  if (!units) return units.error();
  next.units = std::move(*units);
  for (auto& one : next.units) { // what the unit before it has left is not its client's
    auto& first = one.statements.front();
    if (!first.last_insert_id) first.last_insert_id = 0;
  }
  if (!next.units.empty())
    if (auto done = trim(next); !done) return done.error();
  return next;
}

// Leaves the units at the front that may share one transaction.
progress<void> replay_engine::trim(batch& of) {
  const auto leave = [&](std::size_t size) {
    const auto rest = of.units.begin() + static_cast<std::ptrdiff_t>(size);
    std::vector<unit> behind(std::make_move_iterator(rest), std::make_move_iterator(of.units.end()));
    of.units.erase(rest, of.units.end());
    ahead_ = {};
    if (!of.reapplied) ahead_ = {of.last(), std::move(behind), {}};
    return progress<void>();
  };
  if (!sessions_.knows(of.account())) return leave(1);
  const auto& settings = of.units.front().statements.front().context.settings;
  const auto has_them = [&](const statement& one) { return one.context.settings == settings; };
  std::size_t size = 0;
  for (const auto& next : of.units) {
    if (next.account != of.account() || isolation_of(next) != isolation_of(of.units.front())) break;
    if (next.number == refused_ && size > 0) break;
    if (!has_them(next.statements.front())) break;
    auto transactional = is_transactional(next);
    if (!transactional) return transactional.error();
    if (!*transactional) {
      of.alone = size == 0;
      break;
    }
    ++size;
    if (ends_batch(next) || !std::ranges::all_of(next.statements, has_them)) break;
  }
  if (of.alone || of.first() <= one_by_one_until_ || of.first() == refused_) size = 1;
  return leave(size);
}

progress<void> replay_engine::apply(batch& what) {
  if (!sessions_.knows(what.account()))
    return refuse(what.units.front(), {0, "HY000", "the account '" + what.account() + "' is not configured"});
  auto session = session_for(what.units.front());
  if (!session) return session.error();
  if (what.alone)
    if (auto ready = prepare_alone(what); !ready) return ready;
  read_ahead(what);
  const auto outcome = transact(**session, what);
  if (outcome.failed) return handle(what, *outcome.failed);
  if (!outcome.row_gone && !outcome.differs) return settle_applied(what, outcome);
  end_transaction(what.account());
  if (outcome.row_gone) return halted(attach_status::ledger_gone, "the ledger's row is gone");
  return adopt(*outcome.differs);
}

// The spool learns it before position_ moves: should that fail, the ledger tells it again.
progress<void> replay_engine::settle_applied(const batch& what, const transaction_outcome& outcome) {
  if (!what.reapplied || what.alone)
    if (auto done = queue_.mark_applied(what.first(), what.last()); !done) return spool_failed(done.error());
  position_ = what.last();
  losses_ = 0;
  if (what.reapplied) {
    applied_again_ += what.units.size();
    return {};
  }
  for (std::size_t i = 0; i < what.units.size(); ++i)
    observer_.applied(what.units[i].number, outcome.answers.at(i));
  return {};
}

progress<void> replay_engine::check_range(const ledger_row& row) const {
  const auto counts = queue_.counts();
  const auto said = "the ledger says " + std::to_string(row.applied);
  if (row.epoch != epoch_)
    return halted(attach_status::fenced, "another owner has taken over this spool's ledger row");
  if (row.applied > counts.last)
    return halted(attach_status::ledger_ahead,
                  said + ", the spool's last unit is " + std::to_string(counts.last));
  if (row.applied < counts.dropped)
    return halted(attach_status::ledger_behind,
                  said + ", the spool keeps applied units only after " + std::to_string(counts.dropped));
  return {};
}

// The ledger is right: what it says is applied is, and what it does not say is not.
progress<void> replay_engine::adopt(const ledger_row& row) {
  if (auto sound = check_range(row); !sound) return sound;
  if (auto done = settle_up_to(row.applied); !done) return done;
  if (row.applied < queue_.counts().applied) rewound_to_ = row.applied;
  position_ = row.applied;
  return {};
}

progress<void> replay_engine::settle_up_to(seq applied) {
  const auto first = queue_.counts().applied + 1;
  std::vector<seq> numbers;
  for (auto after = first - 1; after < applied;) {
    auto units = queue_.read_pending(after, options_.batch_units, options_.batch_bytes);
    if (!units) return spool_failed(units.error());
    for (const auto& next : *units)
      if (next.number <= applied) numbers.push_back(next.number);
    after = units->empty() ? applied : units->back().number;
  }
  if (numbers.empty()) return {};
  if (auto done = queue_.mark_applied(first, applied); !done) return spool_failed(done.error());
  for (const auto number : numbers) observer_.applied(number, {});
  return {};
}

// What a lost connection left on such a table can be learnt from no one: only the ledger's "applied" is sure.
progress<void> replay_engine::prepare_alone(const batch& what) {
  if (what.first() != not_sent_) {
    auto attempted = queue_.is_attempted(what.first());
    if (!attempted) return spool_failed(attempted.error());
    if (*attempted || (what.reapplied && rewound_to_ == position_)) {
      auto decided = decide_doubt(what);
      return decided ? progress<void>(setback{setback::kind::again, {}}) : decided;
    }
  }
  not_sent_ = 0;
  if (auto done = queue_.mark_attempted(what.first()); !done) return spool_failed(done.error());
  return {};
}

// Waits for a long statement as long as the server still answers others; a server that does not is away.
bool replay_engine::goes_on_waiting(std::chrono::milliseconds waited) {
  if (signal_.stopped()) return end_what_runs_alone(waited);
  if (waited < options_.timeouts.read) next_probe_ = options_.timeouts.read;
  if (waited < next_probe_) return true;
  next_probe_ = waited + options_.timeouts.read;
  auto probe = connect_(options_.accounts.front());
  return probe && (*probe)->query("SELECT 1");
}

// It would be in doubt if its connection were given up: the server ends it instead, and tells what is left.
// That is refused while a trigger runs as another account.
bool replay_engine::end_what_runs_alone(std::chrono::milliseconds waited) {
  if (!runs_alone_) return false;
  if (stop_seen_at_) return waited < *stop_seen_at_ + options_.timeouts.read;
  stop_seen_at_ = waited;
  const auto account = std::ranges::find(options_.accounts, runs_alone_->user, &credentials::user);
  if (account == options_.accounts.end()) return false;
  auto beside = replay_session::open(connect_, *account, {});
  return beside && (*beside)->end_statement_of(*runs_alone_);
}

progress<void> replay_engine::pause() {
  if (signal_.pause(options_.retry_delay)) return {};
  return setback{setback::kind::stopped, "stopped"};
}

} // namespace holdwater::spool
