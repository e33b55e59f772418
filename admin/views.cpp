#include "admin/views.hpp"
#include "admin/json_text.hpp"
#include "admin/utf8.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <cmath>

namespace holdwater::admin {
namespace {

namespace json = boost::json;

json::array texts(const std::vector<std::string>& of) {
  json::array out;
  for (const auto& one : of) out.emplace_back(printable(one));
  return out;
}

// To the millisecond: more digits say nothing.
double to_ms(double seconds) {
  return std::round(seconds * 1000) / 1000;
}

json::object unit_fields(const listed_unit& of, bool values) {
  json::object out{{"seq", of.seq},
                   {"account", printable(of.account)},
                   {"database", printable(of.database)},
                   {"accepted_at", iso8601(of.accepted_at)},
                   {"shapes", texts(of.shapes)}};
  if (values) out["statements"] = texts(of.statements);
  return out;
}

json::object dead_fields(const listed_dead_letter& of, bool values) {
  auto out = unit_fields(of.unit, values);
  out["error_number"] = of.error_number;
  out["sql_state"] = printable(of.sql_state);
  out["reason"] = printable(values ? of.reason : of.shown_reason);
  out["died_at"] = iso8601(of.died_at);
  return out;
}

} // namespace

json::value view(const database_health& of) {
  json::array replicas;
  for (const auto& one : of.replicas)
    replicas.push_back(json::object{{"address", printable(one.address)},
                                    {"state", one.state},
                                    {"behind_s", one.behind_s ? json::value(*one.behind_s) : json::value()},
                                    {"last_error", printable(one.last_error)},
                                    {"connections", one.connections},
                                    {"reads", one.reads},
                                    {"failures", one.failures}});
  return json::object{{"state", of.state},
                      {"since", iso8601(of.since)},
                      {"last_error", printable(of.last_error)},
                      {"reconnects", of.reconnects},
                      {"address", printable(of.address)},
                      {"version", printable(of.version)},
                      {"reads_go_on", of.reads_go_on},
                      {"why", printable(of.why)},
                      {"replicas", std::move(replicas)}};
}

json::value view(const spool_health& of) {
  return json::object{
      {"state", of.state},
      {"reason", printable(of.reason)},
      {"pending", of.pending},
      {"dead", of.dead},
      {"bytes", of.bytes},
      {"oldest_age_s", of.oldest_age_s ? json::value(to_ms(*of.oldest_age_s)) : json::value()},
      {"last_seq", of.last_seq},
      {"applied_seq", of.applied_seq},
      {"refused_tables", texts(of.refused_tables)},
      {"accounts_without_ledger", texts(of.accounts_without_ledger)},
      {"id", printable(of.id)},
      {"limit_bytes", of.limit_bytes},
      {"accepted_per_s", to_ms(of.accepted_per_s)},
      {"applied_per_s", to_ms(of.applied_per_s)},
      {"peak_pending", of.peak_pending},
      {"drain_eta_s", of.drain_eta_s ? json::value(to_ms(*of.drain_eta_s)) : json::value()}};
}

json::value view(const cache_health& of) {
  const auto asked = static_cast<double>(of.hits + of.misses);
  return json::object{
      {"entries", of.entries},
      {"bytes", of.bytes},
      {"hits", of.hits},
      {"misses", of.misses},
      {"hit_rate", asked > 0 ? json::value(to_ms(static_cast<double>(of.hits) / asked)) : json::value()},
      {"fills", of.fills},
      {"evictions", of.evictions},
      {"too_old", of.too_old},
      {"oldest_age_s", of.oldest_age_s ? json::value(to_ms(*of.oldest_age_s)) : json::value()},
      {"disk", json::object{{"entries", of.disk_entries},
                            {"bytes", of.disk_bytes},
                            {"written", of.disk_written},
                            {"trouble", printable(of.disk_trouble)}}},
      {"redis", json::object{{"state", of.redis_state},
                             {"written", of.redis_written},
                             {"found", of.redis_found},
                             {"errors", of.redis_errors},
                             {"trouble", printable(of.redis_trouble)}}},
      {"warm", json::object{{"reads", of.warm_reads},
                            {"askers", of.warm_askers},
                            {"answered", of.warm_answered},
                            {"failed", of.warm_failed},
                            {"age_s", of.warm_age_s ? json::value(to_ms(*of.warm_age_s)) : json::value()},
                            {"trouble", printable(of.warm_trouble)}}},
      {"enabled", of.enabled}};
}

json::value view(const pool_health& of) {
  json::object closed;
  for (const auto& [why, count] : of.closed) closed[why] = count;
  return json::object{{"idle", of.idle}, {"in_use", of.in_use}, {"opened", of.opened},
                      {"kept", of.kept}, {"reused", of.reused}, {"closed", std::move(closed)}};
}

json::value view(const health& of) {
  return json::object{{"status", of.status},     {"database", view(of.database)},
                      {"spool", view(of.spool)}, {"cache", view(of.cache)},
                      {"pool", view(of.pool)},   {"uptime_s", to_ms(of.uptime_s)},
                      {"version", of.version},   {"net_backend", of.net_backend}};
}

json::value view(const spool_listing& of, bool values) {
  json::array units;
  for (const auto& one : of.units) units.push_back(unit_fields(one, values));
  return json::object{{"units", std::move(units)}, {"truncated", of.truncated}};
}

json::value view(const dead_listing& of, bool values) {
  json::array units;
  for (const auto& one : of.units) units.push_back(dead_fields(one, values));
  return json::object{{"units", std::move(units)}, {"truncated", of.truncated}};
}

// The samples by column: a tenth of the size.
json::value view(const past& of) {
  json::array states;
  for (const auto& one : of.states)
    states.push_back(json::object{{"at", iso8601(one.at)},
                                  {"state", one.state},
                                  {"reads_go_on", one.reads_go_on},
                                  {"why", printable(one.why)}});
  json::object columns;
  const auto column = [&](const char* name, const auto& value) {
    json::array all;
    for (const auto& one : of.samples) all.emplace_back(value(one));
    columns[name] = std::move(all);
  };
  column("number", [](const sample& one) { return one.number; });
  column("at_ms", [](const sample& one) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(one.at.time_since_epoch()).count();
  });
  column("state", [](const sample& one) { return one.state; });
  column("pending", [](const sample& one) { return one.pending; });
  column("dead", [](const sample& one) { return one.dead; });
  column("bytes", [](const sample& one) { return one.bytes; });
  column("clients", [](const sample& one) { return one.clients; });
  column("commands_per_s", [](const sample& one) { return to_ms(one.commands_per_s); });
  column("refused_per_s", [](const sample& one) { return to_ms(one.refused_per_s); });
  column("accepted_per_s", [](const sample& one) { return to_ms(one.accepted_per_s); });
  column("applied_per_s", [](const sample& one) { return to_ms(one.applied_per_s); });
  column("cache_hits_per_s", [](const sample& one) { return to_ms(one.cache_hits_per_s); });
  column("p50_s", [](const sample& one) { return one.p50_s; });
  column("p99_s", [](const sample& one) { return one.p99_s; });
  return json::object{{"states", std::move(states)}, {"samples", std::move(columns)}, {"most", of.most}};
}

json::value view(const session_listing& of) {
  json::array sessions;
  for (const auto& one : of.sessions)
    sessions.push_back(
        json::object{{"id", one.id},
                     {"account", printable(one.account)},
                     {"address", printable(one.address)},
                     {"since", iso8601(one.since)},
                     {"server_id", one.server_id ? json::value(*one.server_id) : json::value()}});
  return json::object{{"sessions", std::move(sessions)}, {"total", of.total}};
}

json::value view(const spool_export& of) {
  return json::object{{"units", of.units},
                      {"last_seq", of.last_seq},
                      {"truncated", of.truncated},
                      {"sql", printable(of.sql)}};
}

json::value view(const std::vector<listed_option>& of) {
  json::array options;
  for (const auto& one : of)
    options.push_back(json::object{{"name", one.name},
                                   {"value", printable(one.value)},
                                   {"default", one.is_default},
                                   {"reloadable", one.reloadable}});
  return json::object{{"options", std::move(options)}};
}

json::value view(const reload_report& of) {
  return json::object{{"done", of.done},
                      {"reason", printable(of.reason)},
                      {"changed", texts(of.changed)},
                      {"needs_restart", texts(of.needs_restart)}};
}

json::value view(const action_report& of) {
  json::object out{{"done", of.done}, {"reason", printable(of.reason)}};
  if (of.seq != 0) out["seq"] = of.seq;
  return out;
}

json::value view(const std::vector<service_entry>& of) {
  json::array services;
  for (const auto& one : of) {
    const auto now = one.on->snapshot();
    services.push_back(json::object{{"name", one.name},
                                    {"listen", texts(one.listen)},
                                    {"server", printable(now.database.address)},
                                    {"status", now.status},
                                    {"state", now.database.state},
                                    {"since", iso8601(now.database.since)},
                                    {"spool", now.spool.state},
                                    {"pending", now.spool.pending},
                                    {"dead", now.spool.dead}});
  }
  return json::object{{"services", std::move(services)}};
}

json::value view(const import_report& of) {
  if (of.done) return json::object{{"taken", of.taken}, {"skipped", of.skipped}, {"last_seq", of.last_seq}};
  json::object out{{"error", printable(of.reason)}};
  if (of.unit) out["unit"] = *of.unit;
  if (of.statement) out["statement"] = *of.statement;
  return out;
}

} // namespace holdwater::admin
