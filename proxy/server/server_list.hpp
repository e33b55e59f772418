// The servers that a service may have behind it, in order of preference, and which of them it has now. One at
// a time, whichever takes writes; the monitor decides.
//
// Invariant: it moves on only in `down` without reads, and with each move the board's number of the outage
// grows. What is still busy with the old one at that moment, a login or a statement that waits, is recognised
// by the number of its connection, which is of no use from then on; replay by replay_is_bound().
#pragma once

#include "proxy/config/options.hpp"
#include "proxy/config/server_places.hpp"
#include "spool/mysql_connection.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace holdwater::proxy {

class server_list {
 public:
  explicit server_list(const options& settings);

  [[nodiscard]] std::size_t size() const { return places_.size(); } // one at least
  [[nodiscard]] const server_place& place(std::size_t which) const { return places_.at(which); }
  [[nodiscard]] std::string names() const; // for people
  // Any thread, like the next two.
  [[nodiscard]] std::size_t current() const { return index_of(turn_.load(std::memory_order_acquire)); }
  [[nodiscard]] const server_place& present() const { return places_[current()]; }
  // With what connections to it need.
  [[nodiscard]] const spool::server_address& address() const { return address(current()); }
  [[nodiscard]] const spool::server_address& address(std::size_t which) const { return addresses_.at(which); }

  // The monitor's: state_board::publish_move() comes next.
  void move_to(std::size_t which) {
    turn_.store(((turn_.load(std::memory_order_relaxed) >> index_bits) + 1) << index_bits | which,
                std::memory_order_release);
  }

  // Replay stays with the server that was present when it was bound: what it connects to and what it hears is
  // that one's, and worth nothing once another has taken its place.
  void bind_replay() { replay_.store(turn_.load(std::memory_order_acquire), std::memory_order_release); }
  [[nodiscard]] bool replay_is_bound() const {
    return replay_.load(std::memory_order_acquire) == turn_.load(std::memory_order_acquire);
  }
  [[nodiscard]] const spool::server_address& replay_address() const {
    return address(index_of(replay_.load(std::memory_order_acquire)));
  }

 private:
  static constexpr unsigned index_bits = 8;
  static std::size_t index_of(std::uint64_t turn) { return turn & ((1U << index_bits) - 1); }

  std::vector<server_place> places_;
  std::vector<spool::server_address> addresses_; // of the places
  std::atomic<std::uint64_t> turn_ = 0;          // the present one's index, and above it the number of moves
  std::atomic<std::uint64_t> replay_ = 0;        // the turn that replay is bound to
};

} // namespace holdwater::proxy
