// Answers in a Redis that others share: its keys, its clock, and what of it is still true.
//
// Keys: PREFIX "1:" IDENTITY ":" and the SHA-256 of the memory's key in hex; PREFIX "1:" IDENTITY
// ":generation". The 1 is the version of the form: of the memory's keys, of stored answers, of shared_entry.
//
// Invariants: an answer is written under a generation only if it was asked after that generation was there,
// and read only under the present one, so what was true before a clear is not found after it. Of two answers
// the one that is younger stays; Redis decides, in a script. An age is never less than the truth, as far as
// Redis's clock or those of the two machines are right: each moment is rounded so that the answer looks
// older, and of what the clocks say the longest counts.
#pragma once

#include "proxy/cache/memory_tier.hpp"
#include "proxy/cache/redis_link.hpp"
#include "spool/data_key.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::proxy {

struct redis_settings {
  redis_url place;
  std::string prefix;
  std::string identity; // of the server, service_identity.hpp
  std::chrono::milliseconds timeout{500};
  std::chrono::seconds max_stale{0};
  std::size_t largest = 0; // answer
};

class redis_store {
 public:
  explicit redis_store(redis_settings settings);

  // What has become of a step.
  struct outcome {
    enum class kind : std::uint8_t { done, refused, lost }; // lost: it is closed
    kind is = kind::done;
    std::string why;
    [[nodiscard]] bool well() const { return is == kind::done; }
  };

  // `stop`: a descriptor that is readable when it is time to give up, or -1.
  [[nodiscard]] outcome open(int stop);
  void close() { link_.close(); }
  [[nodiscard]] bool is_open() const { return link_.is_open(); }
  [[nodiscard]] int descriptor() const { return link_.descriptor(); }
  void hurry(std::chrono::milliseconds timeout); // from now on, and whatever `stop` says
  void set_keys(spool::key_ring_ptr fresh) { keys_ = std::move(fresh); }

  // Learns the generation and the clock. `cleared`: another one has cleared since we looked last.
  [[nodiscard]] outcome learn(bool& cleared);
  // Nothing that is there is there any more.
  [[nodiscard]] outcome clear();
  struct written {
    std::uint64_t entries = 0;
    bool stale = false; // the generation is another now: learn
  };
  [[nodiscard]] outcome put(std::span<const memory_tier::unsaved> all, written& done);
  // So that nothing older is found under these keys.
  struct forgotten {
    std::string key;
    cache_moment at{0};
  };
  [[nodiscard]] outcome bury(std::span<const forgotten> all, written& done);
  struct found {
    std::string answer;
    cache_moment at{0};
  };
  // For each key what is there. A value that is none of ours is removed.
  struct gathered {
    std::vector<std::optional<found>> answers;
    std::uint64_t bad = 0;          // values that are none of ours, or sealed under a key that we do not have
    std::string why;                // of the last of them
    std::vector<std::string> wrong; // where those lie that are to be removed
    bool stale = false;             // as written::stale
  };
  [[nodiscard]] outcome get(const std::vector<std::string>& keys, gathered& all);

 private:
  struct moments {
    cache_moment sent, received; // since boot
    cache_moment redis;          // by Redis's clock, in between
  };
  struct value {
    std::string key, bytes;
    std::chrono::milliseconds life{0};
  };

  [[nodiscard]] std::string name_of(std::string_view key) const;
  [[nodiscard]] std::size_t largest_value() const;
  [[nodiscard]] outcome exchange(std::vector<redis_reply>& replies, redis_link::patience how);
  [[nodiscard]] outcome take_generation(const redis_reply& said, moments now, bool& cleared);
  [[nodiscard]] outcome write(std::span<const value> all, written& done);
  [[nodiscard]] value to_value(std::string_view key, std::string_view answer, cache_moment at,
                               std::chrono::microseconds life) const;
  [[nodiscard]] spool::result<std::optional<found>> read(const redis_reply& reply, const std::string& name,
                                                         const std::string& generation, moments now) const;

  const redis_settings settings_;
  const std::string root_, generation_name_;
  redis_link link_;
  spool::key_ring_ptr keys_;
  std::string generation_;        // empty: never learned
  cache_moment generation_at_{0}; // when it was there at the latest
  moments clock_{};
};

} // namespace holdwater::proxy
