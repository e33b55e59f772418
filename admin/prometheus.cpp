#include "admin/prometheus.hpp"
#include "admin/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <set>

namespace holdwater::admin {
namespace {

std::string escaped(std::string_view text, bool quotes) {
  std::string out;
  for (const char c : printable(text)) {
    if (c == '\\' || (quotes && c == '"')) {
      out += {'\\', c};
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

std::string label_list(const counter::sample& of) {
  std::string out;
  for (const auto& [name, value] : of.labels)
    out += fmt::format("{}{}=\"{}\"", out.empty() ? "{" : ",", name, escaped(value, true));
  return out.empty() ? out : out + "}";
}

std::string family_text(const counter& of) {
  auto out = fmt::format("# HELP {} {}\n# TYPE {} {}\n", of.name, escaped(of.help, false), of.name,
                         of.histogram ? "histogram"
                         : of.gauge   ? "gauge"
                                      : "counter");
  for (const auto& one : of.samples)
    out += fmt::format("{}{}{} {}\n", of.name, one.suffix, label_list(one), number(one.value));
  return out;
}

counter single(std::string name, std::string help, bool gauge, double value) {
  return {std::move(name), std::move(help), gauge, {{{}, value}}};
}
counter gauge(std::string name, std::string help, double value) {
  return single(std::move(name), std::move(help), true, value);
}
counter total(std::string name, std::string help, std::uint64_t value) {
  return single(std::move(name), std::move(help), false, static_cast<double>(value));
}

// 1 for the state that holds, 0 for each other.
template <std::size_t N>
counter states(std::string name, std::string help, const std::array<const char*, N>& all,
               const std::string& now) {
  counter out{std::move(name), std::move(help), true, {}};
  for (const char* state : all) out.samples.push_back({{{"state", state}}, now == state ? 1.0 : 0.0});
  return out;
}

constexpr std::array statuses{"ok", "degraded", "down"};
constexpr std::array database_states{"up", "suspect", "down", "draining", "halted"};
constexpr std::array spool_states{"accepting", "off", "refusing"};

} // namespace

void add_series(counter& to, const std::vector<std::pair<std::string, std::string>>& labels,
                std::span<const double> bounds, std::span<const std::uint64_t> counts, double sum) {
  std::uint64_t so_far = 0;
  for (std::size_t at = 0; at < counts.size(); ++at) {
    so_far += counts[at];
    auto named = labels;
    named.emplace_back("le", at < bounds.size() ? number(bounds[at]) : "+Inf");
    to.samples.push_back({std::move(named), static_cast<double>(so_far), "_bucket"});
  }
  to.samples.push_back({labels, sum, "_sum"});
  to.samples.push_back({labels, static_cast<double>(so_far), "_count"});
}

void add_service(std::vector<counter>& to, const std::string& name, std::vector<counter> families) {
  for (auto& one : families) {
    if (!name.empty())
      for (auto& sample : one.samples) sample.labels.insert(sample.labels.begin(), {"service", name});
    const auto same = std::ranges::find(to, one.name, &counter::name);
    if (same == to.end())
      to.push_back(std::move(one));
    else if (!name.empty()) // without names, it is the same once more
      std::ranges::move(one.samples, std::back_inserter(same->samples));
  }
}

std::string prometheus_text(const std::vector<counter>& families) {
  std::string out;
  std::set<std::string_view> seen;
  for (const auto& one : families)
    if (!one.samples.empty() && seen.insert(one.name).second) out += family_text(one);
  return out;
}

std::vector<counter> process_metrics(const health& of) {
  return {
      {"holdwater_build_info", "The running version, as a label.", true, {{{{"version", of.version}}, 1}}},
      {"holdwater_net_backend_info",
       "What moves the sessions' bytes, as a label.",
       true,
       {{{{"backend", of.net_backend}}, 1}}},
      gauge("holdwater_uptime_seconds", "Time since the start.", of.uptime_s)};
}

std::vector<counter> health_metrics(const health& of) {
  const auto number_of = [](std::uint64_t value) { return static_cast<double>(value); };
  return {
      states("holdwater_status", "The status that /health/ shows.", statuses, of.status),
      states("holdwater_database_state", "The server's state.", database_states, of.database.state),
      total("holdwater_database_reconnects_total", "Times the server was reached again after an outage.",
            of.database.reconnects),
      states("holdwater_spool_state", "Whether writes can be kept.", spool_states, of.spool.state),
      gauge("holdwater_spool_pending", "Units that wait to be applied.", number_of(of.spool.pending)),
      gauge("holdwater_spool_dead", "Dead letters that wait for a person.", number_of(of.spool.dead)),
      gauge("holdwater_spool_bytes", "Size of the spool.", number_of(of.spool.bytes)),
      gauge("holdwater_spool_oldest_age_seconds", "Age of the oldest pending unit, 0 when none.",
            of.spool.oldest_age_s.value_or(0)),
      gauge("holdwater_spool_last_seq", "The newest unit's number.", number_of(of.spool.last_seq)),
      gauge("holdwater_spool_applied_seq", "The number up to which units are applied.",
            number_of(of.spool.applied_seq)),
      gauge("holdwater_spool_refused_tables",
            "Tables whose inserts are refused in an outage, for want of ids.",
            number_of(of.spool.refused_tables.size())),
      gauge("holdwater_spool_accounts_without_ledger",
            "Accounts whose writes are refused in an outage, since they cannot use the ledger.",
            number_of(of.spool.accounts_without_ledger.size())),
      gauge("holdwater_cache_entries", "Results in the read cache.", number_of(of.cache.entries)),
      gauge("holdwater_cache_bytes", "Size of the read cache.", number_of(of.cache.bytes)),
      total("holdwater_cache_hits_total", "Reads answered from the cache.", of.cache.hits),
      total("holdwater_cache_misses_total", "Reads that the cache could not answer.", of.cache.misses),
      total("holdwater_cache_too_old_total", "Those of them whose cached answer was too old.",
            of.cache.too_old),
      total("holdwater_cache_fills_total", "Answers cached that were new or other than before.",
            of.cache.fills),
      total("holdwater_cache_evictions_total", "Cached answers dropped for room.", of.cache.evictions),
      gauge("holdwater_cache_oldest_age_seconds",
            "Age of the cached answer in memory that was not used for longest, 0 when none.",
            of.cache.oldest_age_s.value_or(0)),
      gauge("holdwater_cache_disk_entries", "Results in the read cache's file.",
            number_of(of.cache.disk_entries)),
      gauge("holdwater_cache_disk_bytes", "Size of the read cache's file.", number_of(of.cache.disk_bytes)),
      total("holdwater_cache_warm_answered_total", "Reads of cache.warm that the server answered.",
            of.cache.warm_answered),
      total("holdwater_cache_warm_failed_total", "Reads of cache.warm, and logins for them, that failed.",
            of.cache.warm_failed),
      total("holdwater_cache_disk_written_total", "Results written to the read cache's file.",
            of.cache.disk_written),
      gauge("holdwater_cache_redis_up",
            "Whether the shared results in Redis can be used; 0 also when there are none.",
            of.cache.redis_state == "up" ? 1 : 0),
      total("holdwater_cache_redis_written_total", "Results written to the shared Redis.",
            of.cache.redis_written),
      total("holdwater_cache_redis_found_total", "Results found in the shared Redis.", of.cache.redis_found),
      total("holdwater_cache_redis_errors_total",
            "Lost connections to the shared Redis, refused commands, and values that are none.",
            of.cache.redis_errors),
  };
}

} // namespace holdwater::admin
