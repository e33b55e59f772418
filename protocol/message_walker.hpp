// Follows one logical message (a packet and its continuations) while its bytes pass by in pieces, and tells
// where it ends. For messages too large to hold.
#pragma once

#include "protocol/packet.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace holdwater::protocol {

class message_walker {
 public:
  // Returns how many of `bytes` belong to the message: all of them until it is complete.
  std::size_t feed(byte_span bytes) {
    std::size_t taken = 0;
    while (!complete_ && taken < bytes.size())
      taken += in_header() ? take_header(bytes.subspan(taken)) : take_payload(bytes.size() - taken);
    return taken;
  }

  [[nodiscard]] bool complete() const { return complete_; }
  [[nodiscard]] std::uint8_t sequence() const {
    return header_[3];
  } // of the last packet whose header was seen
  [[nodiscard]] std::uint64_t payload_size() const { return total_; } // bytes announced so far

 private:
  [[nodiscard]] bool in_header() const { return header_seen_ < packet_header_size; }

  std::size_t take_header(byte_span bytes) {
    const auto count = std::min(bytes.size(), packet_header_size - header_seen_);
    std::copy_n(bytes.begin(), count, header_.begin() + static_cast<std::ptrdiff_t>(header_seen_));
    header_seen_ += count;
    if (in_header()) return count;
    const auto size = read_packet_header(header_.data()).payload_size;
    remaining_ = size;
    total_ += size;
    continues_ = size == max_packet_payload;
    end_packet_if_done();
    return count;
  }

  std::size_t take_payload(std::size_t available) {
    const auto count = std::min(available, remaining_);
    remaining_ -= count;
    end_packet_if_done();
    return count;
  }

  void end_packet_if_done() {
    if (remaining_ > 0) return;
    header_seen_ = 0;
    complete_ = !continues_;
  }

  std::array<std::uint8_t, packet_header_size> header_{};
  std::size_t header_seen_ = 0;
  std::size_t remaining_ = 0;
  std::uint64_t total_ = 0;
  bool continues_ = false;
  bool complete_ = false;
};

} // namespace holdwater::protocol
