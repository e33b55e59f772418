#include "proxy/cache/read_cache.hpp"

#include <algorithm>
#include <utility>

namespace holdwater::proxy {

read_cache::read_cache(const options::cache_options& settings, const std::string& path,
                       spool::key_ring_ptr keys)
    : memory_(settings.memory, settings.max_result, settings.max_stale) {
  if (path.empty() || settings.disk == 0) return;
  disk_ = std::make_unique<disk_tier>(memory_, path, settings.disk, settings.max_stale, std::move(keys));
  memory_.keep_unsaved(memory_tier::saver::disk);
}

void read_cache::share(redis_settings there, spool::key_ring_ptr keys) {
  redis_ = std::make_unique<redis_tier>(memory_, std::move(there), std::move(keys), [this] {
    if (disk_) disk_->clear();
    memory_.clear();
  });
  memory_.keep_unsaved(memory_tier::saver::redis);
}

void read_cache::start() {
  if (disk_) disk_->start();
  if (redis_) redis_->start();
}

void read_cache::stop() {
  if (redis_) redis_->stop();
  if (disk_) disk_->stop();
}

void read_cache::forget(std::string_view key) {
  if (redis_) redis_->forget(key);
  if (disk_) disk_->forget(key);
  memory_.forget(key);
}

void read_cache::set_keys(spool::key_ring_ptr fresh) {
  if (redis_) redis_->set_keys(fresh);
  if (disk_) disk_->set_keys(std::move(fresh));
}

void read_cache::clear() {
  if (redis_) redis_->clear(); // the memory last: what these find meanwhile does not come into it
  if (disk_) disk_->clear();
  memory_.clear();
}

cache_search read_cache::seek(std::string_view key, const std::function<void()>& wake) {
  cache_search out;
  if (disk_) out.disk = disk_->seek(key, wake);
  if (!redis_) return out;
  out.redis = redis_->seek(key, wake);
  out.longest_redis = redis_->longest_look();
  return out;
}

std::chrono::milliseconds cache_search::longest() const {
  constexpr std::chrono::milliseconds longest_disk{1000};
  const auto waits = [](const auto& look) { return look && !look->done.load(std::memory_order_acquire); };
  return std::max(waits(disk) ? longest_disk : std::chrono::milliseconds(0),
                  waits(redis) ? longest_redis : std::chrono::milliseconds(0));
}

} // namespace holdwater::proxy
