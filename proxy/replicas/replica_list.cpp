#include "proxy/replicas/replica_list.hpp"

#include <algorithm>

namespace holdwater::proxy {

replica_list::replica_list(const options& settings) {
  for (auto& one : parse_places(settings.server.replicas).value_or(std::vector<server_place>()))
    all_.push_back(std::make_unique<replica>(std::move(one), settings));
}

void replica_list::start() {
  for (const auto& one : all_) one->start();
}

void replica_list::stop() {
  for (const auto& one : all_) one->stop();
}

void replica_list::server_is(const server_view& view) {
  if (view.answers()) met_ = true;
  const bool away = !view.answers() && (met_ || view.state == server_state::down);
  for (const auto& one : all_) one->server_is_away(away);
}

replica* replica_list::choose(const asking& what) const {
  for (const auto& one : all_)
    if ((what.tried & bit_of(*one)) == 0 && one->state() == replica_state::usable &&
        is_fresh_enough(*one, what.most_behind) && one->takes(what.user, what.database))
      return one.get();
  return nullptr;
}

bool replica_list::is_fresh_enough(const replica& one, std::chrono::seconds most_behind) const {
  return one.behind().value_or(std::chrono::seconds(0)) <= most_behind;
}

bool replica_list::undecided() const {
  return std::any_of(all_.begin(), all_.end(),
                     [](const auto& one) { return one->state() == replica_state::looking; });
}

std::uint64_t replica_list::bit_of(const replica& one) const {
  const auto at =
      std::find_if(all_.begin(), all_.end(), [&](const auto& each) { return each.get() == &one; });
  return std::uint64_t{1} << (at - all_.begin());
}

} // namespace holdwater::proxy
