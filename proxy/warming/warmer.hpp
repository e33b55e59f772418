// Asks the reads of cache.warm while the server is up, for each kind of connection that applications make: at
// the start, when a new kind is seen, every so often, and soon after an outage. So their answers are kept
// when the next one comes. One at a time, on a thread of its own; the server sees one connection more, at
// times.
//
// The kinds are remembered in the data directory, so that a restart needs no application to be warm again.
#pragma once

#include "proxy/config/options.hpp"
#include "proxy/warming/asker_list.hpp"
#include "spool/data_key.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>

namespace holdwater::proxy {

class warmer {
 public:
  // `invite` gives one end of a connection at whose other end a session of ours waits for a login; -1 when
  // there is none. `path` of the file of what is remembered.
  warmer(const options& settings, std::string path, std::function<int()> invite,
         spool::key_ring_ptr keys = {});
  ~warmer();

  void start();
  void stop(); // before the sessions are

  // A connection of that kind has read something. Any thread.
  void note(const known_asker& one);
  void server_is(bool up); // any thread
  // The file is sealed with the first of them from now on. Any thread.
  void set_keys(spool::key_ring_ptr fresh);

  struct counts {
    std::uint64_t askers = 0; // kinds of connection
    std::uint64_t answered = 0;
    std::uint64_t failed = 0;
    std::optional<double> age_s; // since a round last went well
    std::string trouble;         // what was last refused, empty when the last round went well
  };
  [[nodiscard]] counts count() const;

 private:
  using clock = std::chrono::steady_clock;

  void load();
  void save();
  void run();
  void ask_for(const known_asker& as);
  void complain(const known_asker& as, const std::string& what, const std::string& problem);

  const options& settings_;
  const std::string path_;
  const std::function<int()> invite_;
  spool::key_ring_ptr keys_; // under the mutex, once the thread runs

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  asker_list askers_;
  counts counts_;
  std::optional<clock::time_point> went_well_;
  bool unsaved_ = false;
  bool stopping_ = false;
  std::atomic<bool> up_{false};
  std::atomic<bool> hang_up_{false};
  std::set<std::pair<std::string, std::string>> told_; // of what the log has spoken: account, problem
  std::thread thread_;
};

} // namespace holdwater::proxy
