#include "proxy/own_writes/own_writes.hpp"

#include "proxy/log_scope.hpp"
#include "spool/boot_clock.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace holdwater::proxy {
namespace {

std::string name_of(const spool::table_name& table) {
  return table.schema + '\0' + table.table;
}

// Visits what is known of the tables. True: there may be others.
template <class Map, class Visit>
bool visit_known(const Map& all, const written_tables& what, const Visit& visit) {
  bool others = what.any;
  for (const auto hash : {what.first, what.second}) {
    if (hash == 0) continue;
    if (const auto at = all.find(hash); at != all.end())
      visit(at->second);
    else
      others = true;
  }
  return others;
}

} // namespace

own_writes::own_writes(own_writes_options options, spool::spool& queue)
    : options_(std::move(options)), queue_(queue), rows_(options_.most_bytes) {
  recall();
  const auto counts = queue_.counts();
  last_ = counts.last;
  complete_ = counts.pending == 0;
}

own_writes::~own_writes() {
  stop();
}

void own_writes::start() {
  if (!thread_.joinable()) thread_ = std::thread(in_log_scope([this] { run(); }));
}

void own_writes::stop() {
  {
    const lock held(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

// ----------------------------------------------------------------------------------------------------
// what the server is in

void own_writes::server_is(const server_view& view) {
  const lock held(mutex_);
  outage_ = view.outage;
  up_ = view.state == server_state::up;
  was_away_ = was_away_ || (!up_ && view.state != server_state::suspect);
  if (up_) server_is_up();
  changed_.notify_all();
}

// Called with the mutex held.
void own_writes::server_is_up() {
  if (std::exchange(was_away_, false)) { // others may have changed what they liked
    const std::unique_lock types(types_mutex_);
    types_usable_ = false;
    refresh_at_ = {};
    ++changes_begun_, ++changes_ended_; // what is being read may be of before
  }
  const auto last = queue_.counts().last;
  if (drained_ != last) wrote({.any = true, .only_adds = false}); // what was queued is there now
  rows_.clear();
  holds_any_ = false;
  last_ = last;
  drained_ = last_;
  complete_ = over_cache_ = true;
  overtaken_ = true;
  late_.clear();
}

void own_writes::schema_change_begins() {
  const lock held(mutex_);
  ++changes_begun_;
  const std::unique_lock types(types_mutex_);
  types_usable_ = false;
  forget_file_ = true;
  changed_.notify_all();
}

void own_writes::schema_change_ends() {
  const lock held(mutex_);
  ++changes_ended_;
  refresh_at_ = not_before_;
  changed_.notify_all();
}

void own_writes::busy_tables::clear() {
  for (const auto& one : held_) one->under_way.fetch_sub(1);
  held_.clear();
}

void own_writes::begins(const written_tables& what, busy_tables& until_its_end) {
  const auto add = [&](const std::shared_ptr<moments>& one) {
    one->under_way.fetch_add(1);
    until_its_end.held_.push_back(one);
  };
  const std::shared_lock held(types_mutex_);
  if (visit_known(moments_, what, add)) add(of_all_);
}

void own_writes::wrote(const written_tables& what) {
  const auto now = spool::since_boot().count();
  const auto raise = [now](std::atomic<std::int64_t>& one) {
    auto before = one.load(std::memory_order_relaxed);
    while (before < now && !one.compare_exchange_weak(before, now)) {
    }
  };
  const std::shared_lock held(types_mutex_);
  const bool others = visit_known(
      moments_, what, [&](const auto& one) { raise(what.only_adds ? one->added : one->changed); });
  if (others) raise(of_all_->changed);
}

void own_writes::left_alone(unfinished_command what) {
  what.since = spool::since_boot();
  const lock held(mutex_);
  const auto soon = clock::now() + first_settle_pause;
  settle_at_ = unfinished_.empty() ? soon : std::min(settle_at_, soon);
  settle_pause_ = first_settle_pause;
  unfinished_.add(std::move(what));
  changed_.notify_all();
}

// ----------------------------------------------------------------------------------------------------
// units

write_effects own_writes::effects_of(const std::vector<spool::statement>& statements) const {
  write_effects all;
  const auto dialect = options_.dialect();
  const auto find = [this](const spool::table_name& table) { return type_of(table); };
  for (const auto& one : statements) add_effects(one, dialect, find, all);
  return all;
}

void own_writes::take(spool::seq number, const write_effects& effects) {
  const lock held(mutex_);
  if (rebuilding_) return late_.emplace_back(number, effects), void();
  if (!complete_) return;
  complete_ = number == last_ + 1;
  if (!complete_) return changed_.notify_all();
  rows_.add(number, effects);
  last_ = number;
  holds_any_ = true;
}

void own_writes::distrust() {
  const lock held(mutex_);
  complete_ = false;
  overtaken_ = true;
  changed_.notify_all();
}

// ----------------------------------------------------------------------------------------------------
// reads

table_type_ptr own_writes::type_of(const spool::table_name& table) const {
  const std::shared_lock held(types_mutex_);
  if (!types_usable_) return nullptr;
  const auto at = types_.find(name_of(table));
  return at == types_.end() ? nullptr : at->second;
}

std::uint64_t own_writes::version_of(const spool::table_name& table) const {
  const auto type = type_of(table);
  return type && type->followed() ? type->version : 0;
}

std::size_t own_writes::followed() const {
  const std::shared_lock held(types_mutex_);
  if (!types_usable_) return 0;
  return static_cast<std::size_t>(
      std::count_if(types_.begin(), types_.end(), [](const auto& one) { return one.second->followed(); }));
}

// What is under way is looked at before the moments: it ends by raising these.
std::optional<own_writes::found> own_writes::look(const table_type& type, const std::string& key) const {
  found out;
  const auto hash = written_tables::hash_of(type.name.schema, type.name.table);
  {
    const lock held(mutex_);
    if (!complete_) return std::nullopt;
    out.row = rows_.find(type.name, type.version, key);
    out.over_cache = over_cache_ && met_ && !unfinished_.may_write(hash);
  }
  const std::shared_lock held(types_mutex_);
  const auto at = moments_.find(hash);
  if (at == moments_.end()) return std::nullopt;
  const auto& mine = *at->second;
  out.over_cache = out.over_cache && mine.under_way == 0 && of_all_->under_way == 0;
  out.changed = std::chrono::microseconds(std::max(mine.changed.load(), of_all_->changed.load()));
  out.added = std::chrono::microseconds(mine.added.load());
  return out;
}

// ----------------------------------------------------------------------------------------------------
// the thread

void own_writes::run() {
  lock held(mutex_);
  while (!stopping_) {
    if (std::exchange(forget_file_, false))
      forget(held);
    else if (!complete_)
      rebuild(held);
    else if (up_ && !met_ && settle_at_ <= clock::now())
      meet(held);
    else if (up_ && !unfinished_.empty() && settle_at_ <= clock::now())
      settle(held);
    else if (up_ && refresh_at_ <= clock::now())
      refresh(held);
    else
      rest(held);
  }
}

void own_writes::rest(lock& held) {
  const auto woken = [this, was_up = up_, planned = refresh_at_, settles = settle_at_] {
    return stopping_ || forget_file_ || !complete_ || up_ != was_up || refresh_at_ != planned ||
           settle_at_ != settles;
  };
  if (up_)
    changed_.wait_until(held, met_ && unfinished_.empty() ? refresh_at_ : std::min(refresh_at_, settle_at_),
                        woken);
  else
    changed_.wait(held, woken);
}

void own_writes::set_types(std::vector<table_type> all, bool usable) {
  type_map fresh;
  for (const auto& one : all) fresh.emplace(name_of(one.name), std::make_shared<const table_type>(one));
  read_ = std::move(all);
  moment_map all_moments;
  const auto now = spool::since_boot().count();
  const std::unique_lock held(types_mutex_);
  for (const auto& [name, one] : fresh) {
    auto& mine = all_moments[written_tables::hash_of(one->name.schema, one->name.table)];
    const auto known = moments_.find(written_tables::hash_of(one->name.schema, one->name.table));
    if (known != moments_.end()) {
      mine = known->second;
    } else { // what became of it before is not known
      mine = std::make_shared<own_writes::moments>();
      mine->changed = now;
    }
  }
  const bool same =
      types_.size() == fresh.size() && std::all_of(fresh.begin(), fresh.end(), [this](const auto& one) {
        const auto known = types_.find(one.first);
        return known != types_.end() && *known->second == *one.second;
      });
  // With definitions that somebody else has changed, a write of one table may have changed another.
  if (!same) of_all_->changed = now;
  moments_ = std::move(all_moments);
  types_ = std::move(fresh);
  types_usable_ = usable;
  age_.fetch_add(1, std::memory_order_release);
}

// Reads the pending units anew: after a start in an outage, or when units came or went unseen.
void own_writes::rebuild(lock& held) {
  rebuilding_ = true;
  overtaken_ = false;
  late_.clear();
  held.unlock();
  pending_rows fresh(options_.most_bytes);
  spool::seq first = 0, until = 0;
  const bool read = read_pending(fresh, first, until);
  held.lock();
  rebuilding_ = false;
  const auto late = std::exchange(late_, {});
  if (overtaken_ && !late.empty()) complete_ = false; // they are in nothing
  if (!overtaken_ && read) {
    bool whole = true;
    for (const auto& [number, effects] : late) {
      if (number <= until) continue;
      whole = whole && (until == 0 || number == until + 1);
      fresh.add(number, effects);
      until = number;
      if (first == 0) first = number;
    }
    rows_ = std::move(fresh);
    last_ = until == 0 ? queue_.counts().last : until;
    complete_ = whole;
    // None of those that were read when the server was last up may have been applied since.
    over_cache_ = drained_ && (first == 0 || first == *drained_ + 1);
    holds_any_ = complete_ && !rows_.empty();
  }
  constexpr std::chrono::milliseconds pause{200};
  if (!complete_) changed_.wait_for(held, pause, [this] { return stopping_; });
}

// All that are pending, and all that were appended before this was called. False: the disk refused.
bool own_writes::read_pending(pending_rows& into, spool::seq& first, spool::seq& until) {
  constexpr std::size_t most_units = 500, most_bytes = 4 << 20;
  const auto wanted = queue_.counts().last;
  for (;;) {
    auto some = queue_.read_pending(until, most_units, most_bytes);
    if (!some) return false;
    for (const auto& one : *some) {
      if (first == 0) first = one.number;
      into.add(one.number, effects_of(one.statements));
      until = one.number;
    }
    if (!some->empty()) continue;
    if (until >= wanted || queue_.counts().applied >= wanted) return true;
    { // the last ones become visible in a moment
      lock held(mutex_);
      if (stopping_ || overtaken_) return false;
      changed_.wait_for(held, std::chrono::milliseconds(5), [this] { return stopping_ || overtaken_; });
    }
    if (queue_.counts().pending == 0) return true;
  }
}

} // namespace holdwater::proxy
