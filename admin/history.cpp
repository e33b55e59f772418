#include "admin/history.hpp"

#include <algorithm>

namespace holdwater::admin {

void history::note(const reading& now) {
  peak_ = now.state == up && now.pending == 0 ? 0 : std::max(peak_, now.pending);
  if (!coarse_.before || now.steady - coarse_.before->steady >= coarse_step) add(coarse_, now);
  add(fine_, now);
}

void history::add(ring& to, const reading& now) const {
  const auto& before = to.before ? *to.before : now;
  const auto seconds = std::max(std::chrono::duration<double>(now.steady - before.steady).count(), 1e-3);
  const auto rate = [&](std::uint64_t reading::*total) {
    return static_cast<double>(now.*total - before.*total) / seconds;
  };
  sample one{.number = ++to.last_number, .at = now.at, .state = now.state};
  one.pending = now.pending;
  one.dead = now.dead;
  one.bytes = now.bytes;
  one.clients = now.clients;
  one.commands_per_s = rate(&reading::commands);
  one.refused_per_s = rate(&reading::refused);
  one.accepted_per_s = rate(&reading::accepted);
  one.applied_per_s = rate(&reading::applied);
  one.cache_hits_per_s = rate(&reading::cache_hits);
  one.p50_s = quantile(before, now, 0.5);
  one.p99_s = quantile(before, now, 0.99);
  to.samples.push_back(one);
  to.before = now;
}

double history::quantile(const reading& before, const reading& now, double share) const {
  const auto count = [&](std::size_t at) {
    return static_cast<double>(now.latencies[at] - before.latencies[at]);
  };
  double all = 0;
  for (std::size_t at = 0; at < now.latencies.size(); ++at) all += count(at);
  double seen = 0;
  for (std::size_t at = 0; all > 0 && at < bounds_s_.size(); ++at)
    if (seen += count(at); seen >= all * share) return bounds_s_[at];
  return all > 0 ? bounds_s_.back() : 0;
}

std::vector<sample> history::since(const boost::circular_buffer<sample>& all, std::uint64_t after) {
  const auto from =
      std::ranges::find_if(all.begin(), all.end(), [&](const sample& one) { return one.number > after; });
  return {from, all.end()};
}

history::outlook history::look_ahead() const {
  constexpr std::size_t looked_at = 10; // seconds, about
  outlook out;
  out.peak_pending = peak_;
  if (fine_.samples.empty()) return out;
  const auto& last = fine_.samples.back();
  out.accepted_per_s = last.accepted_per_s;
  out.applied_per_s = last.applied_per_s;
  if (last.state != draining) return out;
  auto first = fine_.samples.end() - 1;
  while (first != fine_.samples.begin() && (first - 1)->state == draining &&
         fine_.samples.end() - first < static_cast<std::ptrdiff_t>(looked_at))
    --first;
  const auto seconds = std::chrono::duration<double>(last.at - first->at).count();
  const auto fewer = static_cast<double>(first->pending) - static_cast<double>(last.pending);
  if (seconds > 0 && fewer > 0) out.eta_s = static_cast<double>(last.pending) * seconds / fewer;
  return out;
}

} // namespace holdwater::admin
