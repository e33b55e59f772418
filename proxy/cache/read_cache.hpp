// What was last answered to reads while the server was up, for the time when it is not: the memory, the disk
// behind it, and what is counted. It knows keys and stored answers as bytes; what may be kept, and under
// which key, is the session's to say (session/cached_reads.cpp).
#pragma once

#include "proxy/cache/disk_tier.hpp"
#include "proxy/cache/memory_tier.hpp"
#include "proxy/config/options.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace holdwater::proxy {

class read_cache {
 public:
  // `path` of the disk's file; empty: in memory only.
  read_cache(const options::cache_options& settings, const std::string& path, spool::key_ring_ptr keys = {});

  void start();
  void stop();

  [[nodiscard]] memory_tier& memory() { return memory_; }
  [[nodiscard]] disk_tier* disk() { return disk_.get(); } // null: there is none
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
};

} // namespace holdwater::proxy
