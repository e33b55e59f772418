// What own_writes asks the server while it is up: what its tables are, and what becomes of the commands that
// it was left alone with. On its thread.
#include "proxy/own_writes/own_writes.hpp"

#include "proxy/own_writes/types_from_rows.hpp"
#include "spool/boot_clock.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>

namespace holdwater::proxy {

// What the server's tables are. Types that are read while a change of definitions is under way are of no use.
void own_writes::refresh(lock& held) {
  constexpr std::chrono::seconds again{10}; // after a failure
  constexpr int share = 50;                 // of the time, at most one part is spent here
  constexpr int most_missed = 5;            // looks, after which what is known is too old
  const auto begun = changes_begun_;
  const bool quiet = begun == changes_ended_;
  const auto from = clock::now();
  refresh_at_ = from + again;
  if (!quiet) return;
  held.unlock();
  std::optional<known_types> known;
  std::string trouble;
  auto server = options_.connect_as(options_.users.front());
  if (server) {
    auto said = read_types(**server, options_.schema);
    if (said)
      known = std::move(*said);
    else
      trouble = said.error().text;
  } else {
    trouble = server.error().text;
  }
  held.lock();
  constexpr int quick_share = 10; // when definitions change again and again
  not_before_ = clock::now() + (clock::now() - from) * quick_share;
  if (changes_begun_ != begun && changes_begun_ == changes_ended_) refresh_at_ = not_before_;
  if (known) trouble = known->trouble;
  if (trouble != trouble_ && up_ && !trouble.empty())
    spdlog::info("reads in an outage will not show queued writes: {}", trouble);
  trouble_ = trouble;
  if (!known && up_ && clock::now() > good_until_) {
    const std::unique_lock types(types_mutex_);
    types_usable_ = false;
  }
  if (!known || changes_begun_ != begun || !up_) return;
  set_types(std::move(known->tables), true);
  const auto pause = std::max<clock::duration>(options_.refresh, (clock::now() - from) * share);
  refresh_at_ = clock::now() + pause;
  good_until_ = clock::now() + pause * most_missed;
  held.unlock();
  remember();
  held.lock();
}

void own_writes::connected(spool::mysql_connection& connection) {
  if (first_connection_ != 0) return;
  const auto said = connection.query("SELECT CONNECTION_ID()");
  if (!said || said->rows.empty())
    return; // then ours are taken for those of an earlier process, until they end
  const auto number = cell_text(said->rows.front(), 0);
  std::uint32_t value = 0;
  std::from_chars(number.data(), number.data() + number.size(), value);
  first_connection_ = value;
}

std::optional<running_connections> own_writes::ask_as(const std::string& user) {
  const auto server = options_.connect_as(user);
  if (!server) return std::nullopt;
  auto said = read_running(**server);
  return said ? std::optional(std::move(*said)) : std::nullopt;
}

// Called without the mutex: what the server says to each of the accounts, to one where that one sees all.
// Nothing for those that it did not say anything to.
std::vector<running_connections> own_writes::ask_as_each(const std::vector<std::string>& users) {
  std::vector<running_connections> out;
  for (const auto& user : users) {
    auto said = ask_as(user);
    if (!said) continue;
    out.push_back(std::move(*said));
    if (out.back().of_every_user) break;
  }
  return out;
}

// What was left alone may be over.
void own_writes::settle(lock& held) {
  settle_pause_ = std::min<clock::duration>(settle_pause_ * 2, options_.refresh);
  settle_at_ = clock::now() + settle_pause_;
  const auto asked = spool::since_boot();
  const auto users = unfinished_.users();
  held.unlock();
  const auto all = ask_as_each(users);
  held.lock();
  for (const auto& said : all)
    for (const auto& one : unfinished_.take_ended(said, asked, options_.moved_since)) {
      for (const auto& what : one.writes) wrote(what);
      if (one.alters == 0) continue;
      changes_ended_ += one.alters;
      refresh_at_ = not_before_;
    }
}

// An earlier process of this name may have left the server alone with something, too.
void own_writes::meet(lock& held) {
  settle_pause_ = std::clamp<clock::duration>(settle_pause_ * 2, first_settle_pause, options_.refresh);
  settle_at_ = clock::now() + settle_pause_;
  const auto outage = outage_;
  held.unlock();
  const auto all = ask_as_each(options_.users);
  held.lock();
  if (all.empty()) return;
  for (const auto& said : all)
    for (const auto& [number, one] : said.all) {
      const auto& accounts = options_.users;
      const bool ours = std::find(accounts.begin(), accounts.end(), one.user) != accounts.end();
      const bool is_new = first_connection_ != 0 && number >= first_connection_;
      if (!ours || is_new || number == said.own || one.sleeps || one.reads) continue;
      unfinished_.add(
          {number, outage, one.user, {{.any = true, .only_adds = false}}, 0, spool::since_boot()});
    }
  met_ = true;
}

} // namespace holdwater::proxy
