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
  return json::object{{"state", of.state},
                      {"since", iso8601(of.since)},
                      {"last_error", printable(of.last_error)},
                      {"reconnects", of.reconnects},
                      {"address", printable(of.address)},
                      {"version", printable(of.version)},
                      {"reads_go_on", of.reads_go_on}};
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
      {"id", printable(of.id)}};
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
                      {"version", of.version}};
}

json::value view(const spool_listing& of, bool values) {
  json::array units;
  for (const auto& one : of.units) units.push_back(unit_fields(one, values));
  return json::object{{"units", std::move(units)}, {"truncated", of.truncated}};
}

json::value view(const std::vector<listed_dead_letter>& of, std::size_t limit, bool values) {
  json::array units;
  for (std::size_t i = 0; i < std::min(limit, of.size()); ++i) units.push_back(dead_fields(of[i], values));
  return json::object{{"units", std::move(units)}, {"truncated", of.size() > limit}};
}

json::value view(const action_report& of) {
  json::object out{{"done", of.done}, {"reason", printable(of.reason)}};
  if (of.seq != 0) out["seq"] = of.seq;
  return out;
}

} // namespace holdwater::admin
