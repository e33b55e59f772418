// The cached answers that are in memory: by key, bounded in bytes, the one that was not used for longest goes
// first. Keys and answers are opaque. Any thread; a shard's lock is held for no longer than a copy.
//
// Invariant: what find() gives was filled under exactly that key, and its age is counted from the moment that
// was given with it; an older answer never replaces a newer one.
#pragma once

#include "protocol/packet.hpp"

#include <boost/intrusive/list.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace holdwater::proxy {

// Since the machine's boot (spool::since_boot()).
using cache_moment = std::chrono::microseconds;

struct cached_answer {
  protocol::byte_buffer bytes;
  cache_moment at{0};
};

class memory_tier {
 public:
  memory_tier(std::uint64_t most_bytes, std::uint64_t largest, std::chrono::seconds max_stale);
  ~memory_tier();
  memory_tier(const memory_tier&) = delete;
  memory_tier& operator=(const memory_tier&) = delete;

  // Where an answer is from. Behind the memory are two other tiers, each of which gets what the server
  // answers.
  enum class source : std::uint8_t { server, disk, redis };
  enum class saver : std::uint8_t { disk, redis };
  void fill(std::string_view key, protocol::byte_span answer, cache_moment at, source from = source::server);
  [[nodiscard]] std::optional<cached_answer> find(std::string_view key);
  // There is one that was filled since.
  [[nodiscard]] bool is_filled_since(std::string_view key, cache_moment at);
  void forget(std::string_view key);
  void clear();
  [[nodiscard]] std::uint64_t clears() const { return clears_.load(std::memory_order_relaxed); } // so far
  // Drops some that are too old to be served at `now`.
  void drop_expired(cache_moment now);

  // What that tier does not have yet, in the order of filling; it counts as saved there then. The rest waits.
  struct unsaved {
    std::string key;
    std::string answer;
    cache_moment at{0};
  };
  [[nodiscard]] std::vector<unsaved> take_unsaved(saver to, std::size_t most, std::size_t most_bytes);
  void keep_unsaved(saver to) { saves_[index_of(to)] = true; } // before any thread runs

  struct counts {
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;
    std::uint64_t fills = 0;     // answers that were new or other than before
    std::uint64_t refreshes = 0; // answers that were as before
    std::uint64_t evictions = 0; // for room
    std::uint64_t expired = 0;
    std::optional<cache_moment> oldest;
  };
  [[nodiscard]] counts count();

 private:
  using hook = boost::intrusive::list_member_hook<>;
  static constexpr std::size_t savers = 2;
  struct entry;
  struct wait {
    hook waiting;
    entry* of = nullptr;
    cache_moment saved_at{0}; // 0: never
  };
  struct entry {
    std::string answer;
    cache_moment at{0};
    const std::string* key = nullptr;
    hook used;
    std::array<wait, savers> saves;
  };
  // A key with its hash, which is made once.
  struct sought_key {
    explicit sought_key(std::string_view key) : text(key), hash(std::hash<std::string_view>{}(key)) {}
    std::string_view text;
    std::size_t hash;
  };
  struct kept_key {
    explicit kept_key(const sought_key& one) : text(one.text), hash(one.hash) {}
    std::string text;
    std::size_t hash;
  };
  struct hash_of {
    using is_transparent = void;
    template <class Key>
    std::size_t operator()(const Key& key) const {
      return key.hash;
    }
  };
  struct same_key {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return a.hash == b.hash && a.text == b.text;
    }
  };
  using by_use = boost::intrusive::list<entry, boost::intrusive::member_hook<entry, hook, &entry::used>>;
  using by_wait = boost::intrusive::list<wait, boost::intrusive::member_hook<wait, hook, &wait::waiting>>;
  using entries = std::unordered_map<kept_key, entry, hash_of, same_key>;
  struct alignas(64) shard {
    std::mutex mutex;
    entries all;
    by_use used;                         // the one used last at the front
    std::array<by_wait, savers> waiting; // for each saver, the oldest at the front
    counts counted;
  };

  [[nodiscard]] shard& shard_of(const sought_key& key);
  void drop(shard& in, entries::iterator which);
  void note_unsaved(shard& in, entry& one, cache_moment saved_before = cache_moment::max());
  [[nodiscard]] static constexpr std::size_t index_of(saver which) { return static_cast<std::size_t>(which); }

  static constexpr std::size_t most_shards = 16;
  std::atomic<std::uint64_t> clears_{0};
  std::array<shard, most_shards> shards_;
  std::size_t shard_count_;
  std::uint64_t most_bytes_; // of a shard
  cache_moment max_stale_;
  std::array<bool, savers> saves_{};
};

} // namespace holdwater::proxy
