// Where everyone reads the server's state: one atomic word for the sessions' hot path, and the gate that
// keeps the order of writes when a drain ends.
//
// Invariant: the state becomes `up` only while no unit is pending and no session is between "I shall append"
// and "it is appended"; a session that saw `up` forwards, so no write can overtake a queued one.
#pragma once

#include "proxy/server/state.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

namespace holdwater::proxy {

struct server_view {
  server_state state = server_state::suspect;
  std::uint64_t outage =
      0; // counts the times that the server went down: a connection from before is worthless
};

class state_board {
 public:
  // Lock-free; any thread.
  [[nodiscard]] server_view view() const { return unpack(word_.load(std::memory_order_acquire)); }

  // The monitor's. Going down begins a new outage. Calls every listener after the change, without the lock.
  void publish(server_state next);
  // Publishes `up` when `nothing_pending` holds and no append is under way; false means: drain again.
  [[nodiscard]] bool publish_up_if(const std::function<bool()>& nothing_pending);

  // A session about to append a unit. False when the server is up again or replay has halted: decide anew.
  [[nodiscard]] bool enter_append();
  void leave_append();

  // Called on every change, on the thread that made it. Register before any thread runs.
  void on_change(std::function<void(server_view)> listener) { listeners_.push_back(std::move(listener)); }

 private:
  static server_view unpack(std::uint64_t word) {
    return {static_cast<server_state>(word & 0xff), word >> 8};
  }
  void store(server_state next); // under the lock

  std::atomic<std::uint64_t> word_{static_cast<std::uint64_t>(server_state::suspect)};
  std::mutex mutex_;
  unsigned appends_ = 0;
  std::vector<std::function<void(server_view)>> listeners_;
};

} // namespace holdwater::proxy
