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
  bool reads = false; // of suspect and down: reads go on all the same
  // Counts the times that the server went away or another one took its place: a connection from before is
  // worthless.
  std::uint64_t outage = 0;

  // A session may talk to the server.
  [[nodiscard]] bool answers() const {
    return reads || (state != server_state::suspect && state != server_state::down);
  }
};

class state_board {
 public:
  // Lock-free; any thread.
  [[nodiscard]] server_view view() const { return unpack(word_.load(std::memory_order_acquire)); }

  // The monitor's. Calls every listener after the change, without the lock. When reads go on no more in
  // `down`, the server has gone away.
  void publish(server_state next, bool reads = false);
  // The monitor's, behind server_list::move_to(). Whoever reads view() before the list, as open_link() does,
  // has the new server when its connection's number is the new one.
  void publish_move();
  // Another server has taken the place of the one that such a connection is to. Any thread.
  [[nodiscard]] bool has_moved_since(std::uint64_t outage) const {
    return outage < moved_.load(std::memory_order_acquire);
  }
  // Publishes `up` when `nothing_pending` holds and no append is under way; false means: drain again.
  [[nodiscard]] bool publish_up_if(const std::function<bool()>& nothing_pending);

  // A session about to append a unit. False when the server is up again or replay has halted: decide anew.
  [[nodiscard]] bool enter_append();
  void leave_append();

  // Called on every change, on the thread that made it. Register before any thread runs.
  void on_change(std::function<void(server_view)> listener) { listeners_.push_back(std::move(listener)); }

 private:
  static server_view unpack(std::uint64_t word) {
    return {static_cast<server_state>(word & 0x7f), (word & reads_bit) != 0, word >> 8};
  }
  void store(server_state next, bool reads); // under the lock

  static constexpr std::uint64_t reads_bit = 0x80;

  std::atomic<std::uint64_t> word_{static_cast<std::uint64_t>(server_state::suspect)};
  std::atomic<std::uint64_t> moved_{0}; // the outage's number since the last move
  std::mutex mutex_;
  unsigned appends_ = 0;
  std::vector<std::function<void(server_view)>> listeners_;
};

} // namespace holdwater::proxy
