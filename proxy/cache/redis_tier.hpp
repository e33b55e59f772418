// The cached answers that several Holdwaters share in a Redis (redis_store). A thread of its own writes
// behind the memory and looks up what the memory lacks. Nobody waits for it but who asks for a look-up, and
// nobody does while Redis is away: that is no tier at all.
#pragma once

#include "proxy/cache/look.hpp"
#include "proxy/cache/memory_tier.hpp"
#include "proxy/cache/redis_store.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace holdwater::proxy {

class redis_tier {
 public:
  // `cleared_elsewhere`: called on the thread when another Holdwater has cleared.
  redis_tier(
      memory_tier& memory, redis_settings settings, spool::key_ring_ptr keys,
      std::function<void()> cleared_elsewhere = [] {});
  ~redis_tier();

  void start();
  void stop(); // writes what is left, within a bound

  // As disk_tier::seek(). While Redis is away it has ended when this returns, and `wake` is not called.
  [[nodiscard]] std::shared_ptr<cache_look> seek(std::string_view key, std::function<void()> wake);
  [[nodiscard]] std::chrono::milliseconds longest_look() const { return timeout_; }
  void forget(std::string_view key);
  void clear();
  void set_keys(spool::key_ring_ptr fresh);

  struct counts {
    bool up = false;
    std::uint64_t written = 0;
    std::uint64_t found = 0;
    std::uint64_t errors = 0; // lost connections, refused commands, values that are none
    std::string trouble;      // why it is away or takes nothing, empty when all is well
  };
  [[nodiscard]] counts count() const;

 private:
  using clock = std::chrono::steady_clock;
  struct request {
    std::string key;
    std::shared_ptr<cache_look> asked;
    std::function<void()> wake;
  };

  void run();
  void wait();
  void turn();
  void come_up();
  void clear_there();
  void bury_there();
  void answer(std::span<const request> asked);
  void look_up(std::span<const request> asked);
  void learn();
  void write_behind();
  void say_goodbye();
  // Whether it went well. What was lost or refused is counted, and told of once.
  bool well(const redis_store::outcome& done);
  void lose(const std::string& why);
  void note_trouble(const std::string& trouble);
  void wake_up() const;
  [[nodiscard]] bool is_clear_due() const { return clears_wanted_ != clears_done_; } // under the lock

  memory_tier& memory_;
  const std::string place_; // for people
  const std::chrono::milliseconds timeout_;
  const std::function<void()> cleared_elsewhere_;

  mutable std::mutex mutex_;
  std::vector<request> asked_;
  std::optional<clock::time_point> asked_since_; // of the oldest that has no answer yet
  std::vector<redis_store::forgotten> forgotten_;
  std::uint64_t clears_wanted_ = 0, clears_done_ = 0; // another one is due while they differ
  std::optional<spool::key_ring_ptr> fresh_keys_;
  bool stopping_ = false;
  counts counts_;

  // the thread's
  redis_store store_;
  std::optional<bool> told_well_; // what the log says
  bool bad_value_told_ = false;
  std::chrono::milliseconds pause_; // before the next connection
  clock::time_point next_opening_, next_learning_, next_write_;
  int bell_ = -1, end_ = -1; // eventfds: there is something to do; it is time to stop
  std::thread thread_;
};

} // namespace holdwater::proxy
