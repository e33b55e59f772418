#include "proxy/cache/memory_tier.hpp"

#include <algorithm>

namespace holdwater::proxy {
namespace {

constexpr std::uint64_t overhead = 256; // of an entry: the map's node, two allocations
// An answer that stays the same is saved again after so long, for its age there.
constexpr cache_moment save_again_after = std::chrono::seconds(60);

std::uint64_t size_of(const std::string& key, const std::string& answer) {
  return overhead + key.capacity() + answer.capacity();
}

bool is_same(std::string_view stored, protocol::byte_span answer) {
  return stored == protocol::as_text(answer);
}

} // namespace

memory_tier::memory_tier(std::uint64_t most_bytes, std::uint64_t largest, std::chrono::seconds max_stale)
    : shard_count_(
          std::clamp<std::uint64_t>(most_bytes / (4 * std::max<std::uint64_t>(largest, 1)), 1, most_shards)),
      most_bytes_(most_bytes / shard_count_), max_stale_(max_stale) {}

memory_tier::~memory_tier() {
  clear();
}

memory_tier::shard& memory_tier::shard_of(const sought_key& key) {
  return shards_[(key.hash >> 7) % shard_count_];
}

void memory_tier::drop(shard& in, entries::iterator which) {
  auto& one = which->second;
  in.counted.bytes -= size_of(which->first.text, one.answer);
  if (one.used.is_linked()) in.used.erase(in.used.iterator_to(one));
  for (std::size_t at = 0; at < savers; ++at)
    if (auto& save = one.saves[at]; save.waiting.is_linked())
      in.waiting[at].erase(in.waiting[at].iterator_to(save));
  in.all.erase(which);
}

void memory_tier::note_unsaved(shard& in, entry& one, cache_moment saved_before) {
  for (std::size_t at = 0; at < savers; ++at)
    if (auto& save = one.saves[at]; saves_[at] && save.saved_at < saved_before && !save.waiting.is_linked())
      in.waiting[at].push_back(save);
}

void memory_tier::fill(std::string_view text, protocol::byte_span answer, cache_moment at, source from) {
  const sought_key key(text);
  auto& in = shard_of(key);
  const std::lock_guard lock(in.mutex);
  auto found = in.all.find(key);
  if (found != in.all.end()) {
    auto& one = found->second;
    if (at < one.at) return;
    in.used.splice(in.used.begin(), in.used, in.used.iterator_to(one));
    one.at = at;
    if (is_same(one.answer, answer)) {
      ++in.counted.refreshes;
      note_unsaved(in, one, at - save_again_after);
      return;
    }
    in.counted.bytes -= size_of(found->first.text, one.answer);
    one.answer.assign(protocol::as_text(answer));
    one.answer.shrink_to_fit();
  } else {
    found = in.all.try_emplace(kept_key(key)).first;
    auto& one = found->second;
    one.key = &found->first.text;
    one.answer.assign(protocol::as_text(answer));
    one.at = at;
    for (auto& save : one.saves) save.of = &one;
    in.used.push_front(one);
  }
  auto& one = found->second;
  in.counted.bytes += size_of(found->first.text, one.answer);
  if (from == source::server) {
    ++in.counted.fills;
    note_unsaved(in, one);
  } else {
    for (auto& save : one.saves) save.saved_at = at;
  }
  while (in.counted.bytes > most_bytes_ && !in.used.empty()) {
    drop(in, in.all.find(sought_key(*in.used.back().key)));
    ++in.counted.evictions;
  }
}

std::optional<cached_answer> memory_tier::find(std::string_view text) {
  const sought_key key(text);
  auto& in = shard_of(key);
  const std::lock_guard lock(in.mutex);
  const auto found = in.all.find(key);
  if (found == in.all.end()) return std::nullopt;
  auto& one = found->second;
  in.used.splice(in.used.begin(), in.used, in.used.iterator_to(one));
  const auto bytes = protocol::as_bytes(one.answer);
  return cached_answer{{bytes.begin(), bytes.end()}, one.at};
}

bool memory_tier::is_filled_since(std::string_view text, cache_moment at) {
  const sought_key key(text);
  auto& in = shard_of(key);
  const std::lock_guard lock(in.mutex);
  const auto found = in.all.find(key);
  return found != in.all.end() && found->second.at >= at;
}

void memory_tier::forget(std::string_view text) {
  const sought_key key(text);
  auto& in = shard_of(key);
  const std::lock_guard lock(in.mutex);
  const auto found = in.all.find(key);
  if (found != in.all.end()) drop(in, found);
}

void memory_tier::clear() {
  clears_.fetch_add(1, std::memory_order_relaxed);
  for (auto& in : shards_) {
    const std::lock_guard lock(in.mutex);
    in.used.clear();
    for (auto& waiting : in.waiting) waiting.clear();
    in.all.clear();
    in.counted.bytes = 0;
  }
}

// From the end that was not used for longest; one that is used is seldom expired, and find()'s caller looks.
void memory_tier::drop_expired(cache_moment now) {
  constexpr int most = 1000; // of a shard, at once
  for (auto& in : shards_) {
    const std::lock_guard lock(in.mutex);
    for (int left = most; left > 0 && !in.used.empty() && now - in.used.back().at > max_stale_; --left) {
      drop(in, in.all.find(sought_key(*in.used.back().key)));
      ++in.counted.expired;
    }
  }
}

std::vector<memory_tier::unsaved> memory_tier::take_unsaved(saver to, std::size_t most,
                                                            std::size_t most_bytes) {
  std::vector<unsaved> out;
  std::size_t bytes = 0;
  for (std::size_t shards_left = shard_count_; shards_left > 0; --shards_left) {
    auto& in = shards_[shards_left - 1];
    const std::lock_guard lock(in.mutex);
    auto& waiting = in.waiting[index_of(to)];
    // its share, so that no shard waits for ever
    for (std::size_t left = (most - out.size()) / shards_left + 1; left > 0 && !waiting.empty(); --left) {
      if (out.size() >= most || bytes >= most_bytes) return out;
      auto& save = waiting.front();
      auto& one = *save.of;
      waiting.pop_front();
      save.saved_at = one.at;
      bytes += one.key->size() + one.answer.size();
      out.push_back({*one.key, one.answer, one.at});
    }
  }
  return out;
}

memory_tier::counts memory_tier::count() {
  counts sum;
  for (auto& in : shards_) {
    const std::lock_guard lock(in.mutex);
    sum.entries += in.all.size();
    sum.bytes += in.counted.bytes;
    sum.fills += in.counted.fills;
    sum.refreshes += in.counted.refreshes;
    sum.evictions += in.counted.evictions;
    sum.expired += in.counted.expired;
    if (!in.used.empty() && (!sum.oldest || in.used.back().at < *sum.oldest)) sum.oldest = in.used.back().at;
  }
  return sum;
}

} // namespace holdwater::proxy
