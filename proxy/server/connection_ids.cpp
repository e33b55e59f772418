#include "proxy/server/connection_ids.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace holdwater::proxy {
namespace {

constexpr std::size_t most_alarms = 5;
constexpr std::chrono::seconds alarms_count_for{60};
constexpr std::chrono::minutes silence{10};

} // namespace

connection_ids::mark connection_ids::take_mark() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

connection_ids::verdict connection_ids::judge(const mark& before, std::uint64_t id, time_point at) {
  const std::lock_guard lock(mutex_);
  if (at < silent_until_) return verdict::follows;
  if (before.server != now_.server) return verdict::changed;
  if (id > before.highest) {
    now_.highest = std::max(now_.highest, id);
    return verdict::follows;
  }
  now_ = {id, now_.server + 1};
  while (!alarms_.empty() && at - alarms_.front() > alarms_count_for) alarms_.pop_front();
  alarms_.push_back(at);
  if (alarms_.size() < most_alarms) return verdict::another_server;
  spdlog::warn(
      "the connection ids of the server jumped back {} times in a minute: several servers seem to share its "
      "address, and another one that takes over will not be told by them",
      alarms_.size());
  alarms_.clear();
  silent_until_ = at + silence;
  return verdict::another_server;
}

void connection_ids::see(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  if (id <= now_.highest) ++now_.server;
  now_.highest = id;
}

} // namespace holdwater::proxy
