#include "proxy/cache/read_cache.hpp"

namespace holdwater::proxy {

read_cache::read_cache(const options::cache_options& settings, const std::string& path,
                       spool::key_ring_ptr keys)
    : memory_(settings.memory, settings.max_result, settings.max_stale) {
  if (path.empty() || settings.disk == 0) return;
  disk_ = std::make_unique<disk_tier>(memory_, path, settings.disk, settings.max_stale, std::move(keys));
  memory_.keep_unsaved(true);
}

void read_cache::start() {
  if (disk_) disk_->start();
}

void read_cache::stop() {
  if (disk_) disk_->stop();
}

void read_cache::forget(std::string_view key) {
  memory_.forget(key);
  if (disk_) disk_->forget(key);
}

void read_cache::set_keys(spool::key_ring_ptr fresh) {
  if (disk_) disk_->set_keys(std::move(fresh));
}

void read_cache::clear() {
  memory_.clear();
  if (disk_) disk_->clear();
}

} // namespace holdwater::proxy
