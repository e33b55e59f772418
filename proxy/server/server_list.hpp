// The servers that a service may have behind it, in order of preference, and which of them it has now. One at
// a time, whichever takes writes; the monitor decides.
//
// Invariant: it moves on only in `down` without reads, and with each move the board's number of the outage
// grows. What is still busy with the old one at that moment, a login or a statement that waits, is recognised
// by the number of its connection, which is of no use from then on.
#pragma once

#include "proxy/config/options.hpp"
#include "proxy/config/server_places.hpp"
#include "spool/mysql_connection.hpp"

#include <atomic>
#include <cstddef>
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
  [[nodiscard]] std::size_t current() const { return current_.load(std::memory_order_acquire); }
  [[nodiscard]] const server_place& present() const { return places_[current()]; }
  // With what connections to it need.
  [[nodiscard]] const spool::server_address& address() const { return address(current()); }
  [[nodiscard]] const spool::server_address& address(std::size_t which) const { return addresses_.at(which); }

  // The monitor's: state_board::publish_move() comes next.
  void move_to(std::size_t which) { current_.store(which, std::memory_order_release); }

 private:
  std::vector<server_place> places_;
  std::vector<spool::server_address> addresses_; // of the places
  std::atomic<std::size_t> current_ = 0;
};

} // namespace holdwater::proxy
