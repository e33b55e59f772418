#include "proxy/cli/show.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace holdwater::proxy::cli {
namespace {

namespace json = boost::json;

// Columns as wide as what is in them; the last one is as long as it is.
std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows)
    for (std::size_t at = 0; at < row.size(); ++at) {
      if (widths.size() <= at) widths.push_back(0);
      widths[at] = std::max(widths[at], row[at].size());
    }
  std::string out;
  for (const auto& row : rows) {
    for (std::size_t at = 0; at + 1 < row.size(); ++at) out += fmt::format("{:<{}}  ", row[at], widths[at]);
    out += (row.empty() ? "" : row.back()) + "\n";
  }
  return out;
}

const json::array& list_at(const json::value& in, const char* key) {
  static const json::array none;
  const auto* found = at(in, key).if_array();
  return found ? *found : none;
}

// Nothing that comes from elsewhere moves the cursor.
std::string tame(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return text;
}

std::string joined(const json::array& all, const char* between) {
  std::string out;
  for (const auto& one : all)
    if (const auto* text = one.if_string()) out += (out.empty() ? "" : between) + tame(std::string(*text));
  return out;
}

std::string shapes_of(const json::value& unit) {
  const auto& shapes = list_at(unit, "shapes");
  return joined(shapes.empty() ? list_at(unit, "statements") : shapes, "; ");
}

std::string whole(double number) {
  return fmt::format("{}", static_cast<std::uint64_t>(std::max(0.0, number)));
}

// Of the state `down`, which is said of writes. As dashboard.js has it.
std::string verdict_of_down(const json::value& database, const json::value& spool, const json::value& cache) {
  const auto queue = text_at(spool, "state");
  if (is_true(at(database, "reads_go_on")))
    return fmt::format("the server takes no writes; reads go on, {}", queue == "off" ? "writes get errors"
                                                                      : queue == "refusing"
                                                                          ? "writes are refused"
                                                                          : "writes are queued");
  if (queue == "off") return "the server is down; clients get errors";
  if (queue == "refusing") return "the server is down, and writes are refused";
  for (const auto& one : list_at(database, "replicas"))
    if (text_at(one, "state") == "usable")
      return "the server is down; writes are queued, a replica answers reads";
  return is_true(at(cache, "enabled")) ? "the server is down; writes are queued, reads get what is cached"
                                       : "the server is down; writes are queued, reads of tables fail";
}

std::string verdict(const json::value& database, const json::value& spool, const json::value& cache) {
  const auto state = text_at(database, "state");
  const bool refusing = text_at(spool, "state") == "refusing";
  if (state == "down") return verdict_of_down(database, spool, cache);
  if (state == "suspect")
    return is_true(at(database, "reads_go_on"))
               ? "the server takes no writes, and is being checked; reads go on"
               : "the server is not answering, and is being checked";
  if (state == "draining") return "the server is back; queued writes are being applied";
  if (state == "halted") return "replay has stopped, and needs a person";
  if (number_at(spool, "dead") > 0) return "the server is up; dead letters wait for a decision";
  return refusing ? "the server is up; in an outage writes would be refused" : "the server is up";
}

std::string more_behind(const json::value& listing) {
  return is_true(at(listing, "truncated")) ? "... and more: --after, --limit\n" : "";
}

} // namespace

const json::value& at(const json::value& in, const char* key) {
  static const json::value none;
  const auto* object = in.if_object();
  const auto* found = object ? object->if_contains(key) : nullptr;
  return found ? *found : none;
}

std::string text_at(const json::value& in, const char* key) {
  const auto* text = at(in, key).if_string();
  return text ? tame(std::string(*text)) : std::string();
}

bool is_true(const json::value& value) {
  return value.is_bool() && value.get_bool();
}

double number_at(const json::value& in, const char* key) {
  const auto& value = at(in, key);
  return value.is_number() ? value.to_number<double>() : 0;
}

std::string lasting(double seconds) {
  const auto s = static_cast<std::uint64_t>(std::llround(std::max(0.0, seconds)));
  if (s < 90) return fmt::format("{} s", s);
  if (s < 5400) return fmt::format("{} min {} s", s / 60, s % 60);
  if (s < 172800) return fmt::format("{} h {} min", s / 3600, s % 3600 / 60);
  return fmt::format("{} days {} h", s / 86400, s % 86400 / 3600);
}

std::string sized(double bytes) {
  constexpr std::array units{"bytes", "KiB", "MiB", "GiB", "TiB"};
  std::size_t at = 0;
  for (; bytes >= 1024 && at + 1 < units.size(); ++at) bytes /= 1024;
  return at == 0 ? fmt::format("{:.0f} {}", bytes, units[at]) : fmt::format("{:.1f} {}", bytes, units[at]);
}

std::string show_status(const json::value& health) {
  const auto& database = at(health, "database");
  const auto& spool = at(health, "spool");
  auto out =
      fmt::format("{}: {}\n", text_at(health, "status"), verdict(database, spool, at(health, "cache")));
  out += fmt::format("  server    {} since {}, {}\n", text_at(database, "state"), text_at(database, "since"),
                     text_at(database, "address"));
  const auto state = text_at(database, "state");
  // While it is away each attempt may meet something else; what was met before it came back is over.
  const bool away = state == "down" || state == "suspect";
  const auto why = text_at(database, away ? "last_error" : "why");
  if (!why.empty()) out += fmt::format("  because   {}\n", why);
  for (const auto& one : list_at(database, "replicas")) {
    out += fmt::format("  replica   {}: {}", text_at(one, "address"), text_at(one, "state"));
    if (at(one, "behind_s").is_number())
      out += fmt::format(", {} behind", lasting(number_at(one, "behind_s")));
    const auto trouble = text_at(one, "last_error");
    out += trouble.empty() ? "\n" : fmt::format(", {}\n", trouble);
  }
  const auto& redis = at(at(health, "cache"), "redis");
  if (const auto is = text_at(redis, "state"); is == "up" || is == "down") {
    const auto trouble = text_at(redis, "trouble");
    out += fmt::format("  shared    Redis is {}{}\n", is, trouble.empty() ? "" : ": " + trouble);
  }
  if (text_at(spool, "state") == "off") return out + "  queue     off\n";
  const auto pending = number_at(spool, "pending");
  out += fmt::format("  waiting   {} write(s)", whole(pending));
  if (pending > 0) out += fmt::format(", the oldest for {}", lasting(number_at(spool, "oldest_age_s")));
  if (at(spool, "drain_eta_s").is_number())
    out += fmt::format("; over in about {}", lasting(number_at(spool, "drain_eta_s")));
  else if (state == "down")
    out += is_true(at(database, "reads_go_on")) ? "; applied when the server takes writes again"
                                                : "; applied when the server is back";
  out += fmt::format("\n  decide    {} dead letter(s){}\n", whole(number_at(spool, "dead")),
                     number_at(spool, "dead") > 0 ? ": holdwater dead list" : "");
  out += fmt::format("  queue     {}, {} of {}\n", text_at(spool, "state"), sized(number_at(spool, "bytes")),
                     sized(number_at(spool, "limit_bytes")));
  if (const auto reason = text_at(spool, "reason"); !reason.empty())
    out += fmt::format("  refusing  {}\n", reason);
  for (const auto& table_of : list_at(spool, "refused_tables"))
    if (const auto* text = table_of.if_string())
      out += fmt::format("  no ids    {}\n", tame(std::string(*text)));
  for (const auto& account : list_at(spool, "accounts_without_ledger"))
    if (const auto* name = account.if_string())
      out += fmt::format("  no ledger the account '{}' cannot use it: its writes would be refused\n",
                         tame(std::string(*name)));
  return out;
}

std::string show_units(const json::value& listing) {
  std::vector<std::vector<std::string>> rows{{"NUMBER", "ACCEPTED", "ACCOUNT", "DATABASE", "STATEMENT"}};
  for (const auto& one : list_at(listing, "units"))
    rows.push_back({whole(number_at(one, "seq")), text_at(one, "accepted_at"), text_at(one, "account"),
                    text_at(one, "database"), shapes_of(one)});
  if (rows.size() == 1) return "nothing waits\n";
  return table(rows) + more_behind(listing);
}

std::string show_unit(const json::value& unit) {
  auto out = fmt::format("number {}, account {}, database {}, accepted {}\n", whole(number_at(unit, "seq")),
                         text_at(unit, "account"), text_at(unit, "database"), text_at(unit, "accepted_at"));
  if (const auto reason = text_at(unit, "reason"); !reason.empty())
    out += fmt::format("refused {}: {} (error {})\n", text_at(unit, "died_at"), reason,
                       whole(number_at(unit, "error_number")));
  const auto& whole_texts = list_at(unit, "statements");
  for (const auto& one : whole_texts.empty() ? list_at(unit, "shapes") : whole_texts)
    if (const auto* text = one.if_string()) out += "\n" + tame(std::string(*text)) + ";\n";
  return out;
}

std::string show_dead(const json::value& listing) {
  std::vector<std::vector<std::string>> rows{{"NUMBER", "REFUSED", "ACCOUNT", "ERROR", "WHY, AND WHAT"}};
  for (const auto& one : list_at(listing, "units")) {
    rows.push_back({whole(number_at(one, "seq")), text_at(one, "died_at"), text_at(one, "account"),
                    whole(number_at(one, "error_number")), text_at(one, "reason")});
    rows.push_back({"", "", "", "", shapes_of(one)});
  }
  if (rows.size() == 1) return "no dead letters\n";
  return table(rows) + more_behind(listing);
}

std::string show_sessions(const json::value& listing) {
  std::vector<std::vector<std::string>> rows{{"ID", "ACCOUNT", "FROM", "SINCE", "SERVER'S ID"}};
  for (const auto& one : list_at(listing, "sessions"))
    rows.push_back({whole(number_at(one, "id")), text_at(one, "account"), text_at(one, "address"),
                    text_at(one, "since"),
                    at(one, "server_id").is_number() ? whole(number_at(one, "server_id")) : "-"});
  return table(rows) + fmt::format("{} in all\n", whole(number_at(listing, "total")));
}

std::string show_config(const json::value& listing) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : list_at(listing, "options")) {
    const auto& is_default = at(one, "default");
    const auto& reloadable = at(one, "reloadable");
    rows.push_back(
        {text_at(one, "name"), text_at(one, "value"),
         std::string(is_true(is_default) ? "" : "set") + (is_true(reloadable) ? "" : " (restart)")});
  }
  return table(rows);
}

std::string show_reload(const json::value& report) {
  const auto changed = joined(list_at(report, "changed"), ", ");
  const auto restart = joined(list_at(report, "needs_restart"), ", ");
  return fmt::format(
      "changed: {}\n{}", changed.empty() ? "nothing" : changed,
      restart.empty() ? "" : fmt::format("changed in the file, and taken at a restart: {}\n", restart));
}

std::string show_traffic(const json::value& history) {
  const auto& samples = at(history, "samples");
  const auto last = [&](const char* name) {
    const auto& column = list_at(samples, name);
    return column.empty() || !column.back().is_number() ? 0.0 : column.back().to_number<double>();
  };
  return fmt::format("  traffic   {:.0f} commands a second, {:.0f} refused; {:.0f} client(s)\n"
                     "  latency   half within {:.2f} ms, 99 % within {:.2f} ms\n"
                     "  queue     {:.1f} in and {:.1f} applied a second\n",
                     last("commands_per_s"), last("refused_per_s"), last("clients"), last("p50_s") * 1000,
                     last("p99_s") * 1000, last("accepted_per_s"), last("applied_per_s"));
}

std::string bar(std::uint64_t done, std::uint64_t all) {
  constexpr std::uint64_t width = 30;
  const auto filled = done * width / all;
  return fmt::format("[{}{}] {:3} %", std::string(filled, '#'), std::string(width - filled, '.'),
                     done * 100 / all);
}

std::string show_progress(const json::value& health, std::uint64_t most) {
  const auto& spool = at(health, "spool");
  const auto pending = static_cast<std::uint64_t>(number_at(spool, "pending"));
  const auto all = std::max({most, pending, std::uint64_t{1}});
  auto out = fmt::format("{}  {} of {} applied", bar(all - pending, all), all - pending, all);
  if (at(spool, "drain_eta_s").is_number())
    out += fmt::format(", about {}", lasting(number_at(spool, "drain_eta_s")));
  const auto& database = at(health, "database");
  const auto state = text_at(database, "state");
  if (state == "down" && is_true(at(database, "reads_go_on")))
    out += "  (the server takes no writes)";
  else if (state != "draining" && state != "up")
    out += fmt::format("  (the server is {})", state);
  return out;
}

} // namespace holdwater::proxy::cli
