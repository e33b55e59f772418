#include "proxy/own_writes/unfinished.hpp"

#include "proxy/own_writes/read_types.hpp"
#include "proxy/own_writes/types_from_rows.hpp"

#include <boost/algorithm/string/predicate.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

namespace holdwater::proxy {
namespace {

constexpr std::string_view who =
    "SELECT SUBSTRING(USER(), 1, CHAR_LENGTH(USER()) - CHAR_LENGTH(SUBSTRING_INDEX(USER(), '@', -1)) - 1), "
    "(SELECT COUNT(*) FROM information_schema.USER_PRIVILEGES WHERE PRIVILEGE_TYPE='PROCESS' AND "
    "GRANTEE={}) > 0, CONNECTION_ID()";

template <class Number>
Number number_in(const std::string& text) {
  Number value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

} // namespace

spool::server_result<running_connections> read_running(spool::mysql_connection& server) {
  using boost::algorithm::istarts_with;
  running_connections out;
  for (const auto* const plain : {"SET NAMES utf8mb4", "SET SESSION sql_mode=''"})
    if (const auto said = server.query(plain); !said) return said.error();
  const auto me = server.query(fmt::format(who, grantee_of_asker));
  if (!me) return me.error();
  if (me->rows.empty()) return out;
  out.user = cell_text(me->rows.front(), 0);
  out.of_every_user = cell_text(me->rows.front(), 1) == "1";
  out.own = number_in<std::uint32_t>(cell_text(me->rows.front(), 2));
  const auto up_for = server.query("SHOW GLOBAL STATUS LIKE 'Uptime'");
  if (!up_for) return up_for.error();
  if (!up_for->rows.empty())
    out.up_for = std::chrono::seconds(number_in<std::int64_t>(cell_text(up_for->rows.front(), 1)));
  // Id, User, Host, db, Command, Time, State, Info
  const auto running = server.query("SHOW PROCESSLIST");
  if (!running) return running.error();
  for (const auto& row : running->rows) {
    const auto info = cell_text(row, 7);
    running_connection one{cell_text(row, 1), cell_text(row, 4) == "Sleep",
                           istarts_with(info, "SELECT") || istarts_with(info, "SHOW"),
                           std::chrono::seconds(number_in<std::int64_t>(cell_text(row, 5)))};
    out.all.emplace(number_in<std::uint32_t>(cell_text(row, 0)), std::move(one));
  }
  return out;
}

void unfinished_commands::add(unfinished_command one) {
  if (all_.size() < most) return all_.push_back(std::move(one));
  auto& last = all_.back(); // of them all
  last.connection = 0;
  last.user.clear();
  last.writes.assign(1, {.any = true, .only_adds = false});
  last.alters += one.alters;
  last.since = std::max(last.since, one.since);
}

std::vector<unfinished_command> unfinished_commands::take_ended(const running_connections& said,
                                                                std::chrono::microseconds asked,
                                                                const moved_since& moved) {
  std::vector<unfinished_command> out;
  if (!said.all.contains(said.own)) return out; // it is not what a server says of itself
  constexpr std::chrono::seconds grain{1};      // of what it says
  const auto goes_on = [&](unfinished_command& one) {
    if (one.since >= asked) return true;
    if (moved(one.outage)) { // and may send the present server what it does yet
      if (one.alters == 0) return true;
      out.push_back({.alters = std::exchange(one.alters, 0u)});
      return true;
    }
    const bool restarted = said.up_for.count() > 0 && asked - said.up_for - grain > one.since;
    if (restarted && (one.connection == 0 || said.own < one.connection)) return false;
    if (one.connection == 0 || !(said.of_every_user || one.user == said.user)) return true;
    const auto at = said.all.find(one.connection);
    if (at == said.all.end()) return false;
    // It has done something since, or another connection has its number: who was left alone with a command
    // ends behind it.
    const auto& there = at->second;
    return !(there.user != one.user || (there.sleeps && there.since + 2 * grain < asked - one.since));
  };
  const auto ended = std::stable_partition(all_.begin(), all_.end(), goes_on);
  out.insert(out.end(), std::make_move_iterator(ended), std::make_move_iterator(all_.end()));
  all_.erase(ended, all_.end());
  return out;
}

std::vector<std::string> unfinished_commands::users() const {
  std::vector<std::string> out;
  for (const auto& one : all_)
    if (std::find(out.begin(), out.end(), one.user) == out.end()) out.push_back(one.user);
  return out;
}

bool unfinished_commands::may_write(std::uint64_t hash) const {
  return std::any_of(all_.begin(), all_.end(), [&](const unfinished_command& one) {
    return std::any_of(one.writes.begin(), one.writes.end(), [&](const written_tables& what) {
      return what.any || what.first == hash || what.second == hash;
    });
  });
}

} // namespace holdwater::proxy
