// What the HTTP port shows of a service.
#include "proxy/service/service.hpp"

#include "admin/server.hpp"
#include "spool/boot_clock.hpp"

#include <algorithm>

namespace holdwater::proxy {

using system_clock = std::chrono::system_clock;

namespace {

system_clock::time_point moment(std::chrono::microseconds since_epoch) {
  return system_clock::time_point(std::chrono::duration_cast<system_clock::duration>(since_epoch));
}

} // namespace

admin::spool_health service::spool_snapshot(const monitor::snapshot& server) const {
  admin::spool_health out;
  if (!spool_) {
    out.state = "off";
    return out;
  }
  const auto counts = spool_->counts();
  out.id = spool_->id();
  out.pending = counts.pending;
  out.dead = counts.dead;
  out.bytes = counts.bytes;
  out.last_seq = counts.last;
  out.applied_seq = counts.applied;
  if (counts.oldest_pending)
    out.oldest_age_s =
        std::chrono::duration<double>(system_clock::now() - moment(*counts.oldest_pending)).count();
  const auto trouble = spool_->trouble();
  const auto failure = trouble ? trouble : writes_->recent_failure();
  // Why a restored queue was not let on says more than that it waits for that.
  const bool waits_only = failure && failure->code == spool::errc::unconfirmed;
  const bool refused = !server.spool_refusal.empty();
  out.reason = failure && !(waits_only && refused) ? failure->context : server.spool_refusal;
  out.state = out.reason.empty() ? "accepting" : "refusing";
  out.refused_tables = ids_->tables_without_ids();
  out.accounts_without_ledger = server.without_ledger;
  out.limit_bytes = settings_.spool.max_bytes;
  const auto ahead = history_.look_ahead();
  out.accepted_per_s = ahead.accepted_per_s;
  out.applied_per_s = ahead.applied_per_s;
  out.peak_pending = std::max(ahead.peak_pending, counts.pending);
  out.drain_eta_s = ahead.eta_s;
  return out;
}

admin::pool_health service::pool_snapshot() const {
  admin::pool_health out;
  const auto& counted = counters_;
  const auto links = services_->connections->links();
  out.idle = counted.pool_idle.load(std::memory_order_relaxed);
  out.in_use = links > out.idle ? links - out.idle : 0;
  out.opened = counted.server_connects.load() - counted.server_connects_failed.load();
  out.kept = counted.pool_kept.load();
  out.reused = counted.pool_reused.load();
  for (std::size_t why = 0; why < pool_end_names.size(); ++why)
    out.closed.emplace_back(pool_end_names[why], counted.pool_closed[why].load());
  return out;
}

admin::cache_health service::cache_snapshot() const {
  admin::cache_health out;
  if (!cache_) return out;
  const auto counts = cache_->memory().count();
  out.enabled = true;
  out.entries = counts.entries;
  out.bytes = counts.bytes;
  out.fills = counts.fills;
  out.evictions = counts.evictions;
  out.hits = cache_->hits.load(std::memory_order_relaxed);
  out.misses = cache_->misses.load(std::memory_order_relaxed);
  out.too_old = cache_->too_old.load(std::memory_order_relaxed);
  if (counts.oldest)
    out.oldest_age_s = std::chrono::duration<double>(spool::since_boot() - *counts.oldest).count();
  if (const auto* disk = cache_->disk()) {
    const auto there = disk->count();
    out.disk_entries = there.entries;
    out.disk_bytes = there.bytes;
    out.disk_written = there.written;
    out.disk_trouble = there.trouble;
  }
  if (const auto* redis = cache_->redis()) {
    auto there = redis->count();
    out.redis_state = there.up ? "up" : "down";
    out.redis_written = there.written;
    out.redis_found = there.found;
    out.redis_errors = there.errors;
    out.redis_trouble = std::move(there.trouble);
  }
  if (warmer_) {
    const auto asked = warmer_->count();
    out.warm_reads = settings_.cache.warm.size();
    out.warm_askers = asked.askers;
    out.warm_answered = asked.answered;
    out.warm_failed = asked.failed;
    out.warm_age_s = asked.age_s;
    out.warm_trouble = asked.trouble;
  }
  return out;
}

std::vector<admin::replica_health> service::replica_snapshots() const {
  std::vector<admin::replica_health> out;
  if (!replicas_) return out;
  for (const auto& one : replicas_->all()) {
    const auto seen = one->look();
    out.push_back(
        {one->place().name(), std::string(name_of(seen.state)),
         seen.behind ? std::optional(static_cast<std::uint64_t>(seen.behind->count())) : std::nullopt,
         seen.problem, seen.connections, seen.reads, seen.failures});
  }
  return out;
}

admin::health service::snapshot() const {
  const auto server = monitor_->look();
  const auto profile = profile_.get();
  admin::health out;
  out.database = {std::string(name_of(server.view.state)),
                  server.since,
                  server.last_error,
                  server.reconnects,
                  servers_.present().name(),
                  profile->hello.server_version,
                  server.view.answers(),
                  server.why,
                  replica_snapshots()};
  out.spool = spool_snapshot(server);
  out.pool = pool_snapshot();
  out.cache = cache_snapshot();
  out.uptime_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
  out.version = HOLDWATER_VERSION;
  out.net_backend = settings_.net.backend;
  const bool up = server.view.state == server_state::up;
  const bool halted = server.view.state == server_state::halted;
  const bool writable = (up || out.spool.state == "accepting") && !halted;
  const bool attention = !up || out.spool.state == "refusing" || out.spool.dead > 0 ||
                         !out.spool.refused_tables.empty() || !out.spool.accounts_without_ledger.empty();
  out.stopping = leaving_;
  out.status = !writable ? "down" : attention ? "degraded" : "ok";
  return out;
}

admin::reading service::read_now() const {
  admin::reading out{.at = system_clock::now(), .steady = std::chrono::steady_clock::now()};
  out.state = static_cast<unsigned>(board_.view().state);
  if (spool_) {
    const auto counts = spool_->counts();
    out.pending = counts.pending;
    out.dead = counts.dead;
    out.bytes = counts.bytes;
    out.accepted = writes_->accepted();
    out.applied = writes_->replayed();
  }
  if (cache_) out.cache_hits = cache_->hits.load(std::memory_order_relaxed);
  out.clients = counters_.connected();
  const auto traffic = traffic_now();
  for (const auto& kind : traffic.commands)
    for (const auto count : kind) out.commands += count;
  out.refused = counters_.commands_refused.load(std::memory_order_relaxed);
  out.latencies.assign(duration_histogram::bounds_s.size() + 1, 0);
  for (const auto* one :
       {&traffic.forwarded[0], &traffic.forwarded[1], &traffic.forwarded[2], &traffic.queued})
    for (std::size_t at = 0; at < out.latencies.size(); ++at) out.latencies[at] += one->counts[at];
  return out;
}

// Each second, for as long as it runs.
void service::sample_on() {
  history_.note(read_now());
  watch_spool();
  sampling_.expires_after(std::chrono::seconds(1));
  sampling_.async_wait([this](boost::system::error_code cancelled) {
    if (!cancelled) sample_on();
  });
}

admin::past service::look_back(bool by_second, std::uint64_t after) const {
  admin::past out;
  for (const auto& one : monitor_->past())
    out.states.push_back({one.at, std::string(name_of(one.state)), one.reads, one.why});
  out.samples = by_second ? history_.fine(after) : history_.coarse(after);
  out.most = by_second ? admin::history::fine_samples : admin::history::coarse_samples;
  return out;
}

admin::session_listing service::sessions(std::size_t most) const {
  admin::session_listing out;
  for (auto& one : services_->connections->list(most, out.total))
    out.sessions.push_back({one.id, std::move(one.user), std::move(one.address), one.since,
                            one.server_id != 0 ? std::optional(one.server_id) : std::nullopt});
  return out;
}

} // namespace holdwater::proxy
