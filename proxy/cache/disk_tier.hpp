// The cached answers that are on the disk, so that a proxy that is started in the middle of an outage still
// answers. A thread of its own writes behind the memory and looks up what the memory lacks; whoever fills or
// answers never waits for the disk, except for one who asks for a look-up.
//
// Keys are kept as their SHA-256, values as they are, or encrypted where there is a data key. Writing takes a
// bounded share of the time: what does not get its turn is only in memory.
#pragma once

#include "proxy/cache/look.hpp"
#include "proxy/cache/memory_tier.hpp"
#include "spool/result_store.hpp"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace holdwater::proxy {

class disk_tier {
 public:
  disk_tier(memory_tier& memory, std::string path, std::uint64_t most_bytes, std::chrono::seconds max_stale,
            spool::key_ring_ptr keys = {});
  ~disk_tier();

  void start();
  void stop(); // writes what is left, within a bound

  // Looks for the key, and fills the memory with what is there. `wake` is called when that has ended.
  [[nodiscard]] std::shared_ptr<cache_look> seek(std::string_view key, std::function<void()> wake);
  // What is looked up at this moment comes into the memory before they return, or not at all.
  void forget(std::string_view key);
  void clear();
  void set_keys(spool::key_ring_ptr fresh);

  struct counts {
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;
    std::uint64_t written = 0;
    std::uint64_t found = 0;
    std::string trouble; // why nothing is written now, empty when it is
  };
  [[nodiscard]] counts count() const;

 private:
  struct request {
    std::string key; // its digest
    std::string memory_key;
    std::shared_ptr<cache_look> asked;
    std::function<void()> wake;
  };

  void run();
  void open();
  void take_keys();
  void erase(std::vector<std::string> unwanted, bool all);
  void answer(const std::vector<request>& asked);
  void look_up(const request& one);
  void write_behind();
  void tidy();
  void count_what_is_there();
  // Whether it went well; otherwise what went wrong is logged once, and a damaged file is begun anew.
  template <class T>
  bool well(const spool::result<T>& done);

  memory_tier& memory_;
  const std::string path_;
  const std::uint64_t most_bytes_;
  const std::chrono::seconds max_stale_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<request> asked_;
  std::vector<std::string> unwanted_;
  bool all_unwanted_ = false;
  spool::key_ring_ptr keys_;
  bool keys_are_new_ = false;
  bool stopping_ = false;
  counts counts_;

  // the thread's
  std::unique_ptr<spool::result_store> store_; // null: it could not be opened
  std::chrono::steady_clock::time_point next_write_, next_tidying_, next_opening_;
  std::thread thread_;
};

} // namespace holdwater::proxy
