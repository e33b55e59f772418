#include "proxy/own_writes/unfinished.hpp"

#include "proxy/own_writes/read_types.hpp"
#include "proxy/own_writes/types_from_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

namespace holdwater::proxy {
namespace {

constexpr std::string_view who =
    "SELECT SUBSTRING(USER(), 1, CHAR_LENGTH(USER()) - CHAR_LENGTH(SUBSTRING_INDEX(USER(), '@', -1)) - 1), "
    "(SELECT COUNT(*) FROM information_schema.USER_PRIVILEGES WHERE PRIVILEGE_TYPE='PROCESS' AND "
    "GRANTEE={}) > 0";

template <class Number>
Number number_in(const std::string& text) {
  Number value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

} // namespace

spool::server_result<running_connections> read_running(spool::mysql_connection& server) {
  running_connections out;
  const auto me = server.query(fmt::format(who, grantee_of_asker));
  if (!me) return me.error();
  if (me->rows.empty()) return out;
  out.user = cell_text(me->rows.front(), 0);
  out.all = cell_text(me->rows.front(), 1) == "1";
  const auto up_for = server.query("SHOW GLOBAL STATUS LIKE 'Uptime'");
  if (!up_for) return up_for.error();
  if (!up_for->rows.empty())
    out.up_for = std::chrono::seconds(number_in<std::int64_t>(cell_text(up_for->rows.front(), 1)));
  const auto running = server.query("SHOW PROCESSLIST");
  if (!running) return running.error();
  for (const auto& row : running->rows) out.numbers.insert(number_in<std::uint32_t>(cell_text(row, 0)));
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
                                                                std::chrono::microseconds asked) {
  const auto goes_on = [&](const unfinished_command& one) {
    constexpr std::chrono::seconds grain{1}; // of what it says
    const bool restarted = said.up_for.count() > 0 && asked - said.up_for - grain > one.since;
    const bool seen = one.connection != 0 && (said.all || one.user == said.user);
    return one.since >= asked || (!restarted && (!seen || said.numbers.contains(one.connection)));
  };
  const auto ended = std::stable_partition(all_.begin(), all_.end(), goes_on);
  std::vector<unfinished_command> out(std::make_move_iterator(ended), std::make_move_iterator(all_.end()));
  all_.erase(ended, all_.end());
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
