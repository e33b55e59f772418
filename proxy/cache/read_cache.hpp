// What was last answered to reads while the server was up, for the time when it is not: the memory, the disk
// and the Redis behind it, and what is counted. It knows keys and stored answers as bytes; what may be kept,
// and under which key, is the session's to say (session/cached_reads.cpp).
#pragma once

#include "proxy/cache/disk_tier.hpp"
#include "proxy/cache/memory_tier.hpp"
#include "proxy/cache/redis_tier.hpp"
#include "proxy/config/options.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace holdwater::proxy {

struct cache_search {
  std::shared_ptr<cache_look> disk, redis; // null: there is none
  std::chrono::milliseconds longest_redis{0};

  // For how long after the begin it is worth waiting; 0: all has ended.
  [[nodiscard]] std::chrono::milliseconds longest() const;
};

class read_cache {
 public:
  // `path` of the disk's file; empty: none.
  read_cache(const options::cache_options& settings, const std::string& path, spool::key_ring_ptr keys = {});
  // Before start(): answers are shared there as well.
  void share(redis_settings there, spool::key_ring_ptr keys);

  void start();
  void stop();

  [[nodiscard]] memory_tier& memory() { return memory_; }
  [[nodiscard]] const disk_tier* disk() const { return disk_.get(); }    // null: there is none
  [[nodiscard]] const redis_tier* redis() const { return redis_.get(); } // as well
  // Brings into the memory what the other tiers have, which are asked at the same time: the youngest stays.
  // `wake` is called when one of them has ended.
  [[nodiscard]] cache_search seek(std::string_view key, const std::function<void()>& wake);
  void forget(std::string_view key);
  void clear();
  void set_keys(spool::key_ring_ptr fresh);

  // Of reads in an outage. Relaxed: nobody decides on them.
  std::atomic<std::uint64_t> hits{0};
  std::atomic<std::uint64_t> misses{0};
  std::atomic<std::uint64_t> too_old{0}; // of the misses

 private:
  memory_tier memory_;
  std::unique_ptr<disk_tier> disk_;
  std::unique_ptr<redis_tier> redis_; // which clears the disk
};

} // namespace holdwater::proxy
