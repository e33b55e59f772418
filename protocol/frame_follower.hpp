// Follows packets in bytes that come in pieces, one message behind the other, and shows each packet's
// sequence id where it lies.
#pragma once

#include "protocol/packet.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace holdwater::protocol {

class frame_follower {
 public:
  // Calls visit(sequence id, by reference; whether a message begins) for each header that becomes complete.
  template <class Byte, class Visit>
  void follow(std::span<Byte> bytes, Visit visit) {
    while (!bytes.empty()) {
      if (missing_ > 0) {
        const auto count = std::min(missing_, bytes.size());
        missing_ -= count;
        bytes = bytes.subspan(count);
        continue;
      }
      header_[seen_++] = bytes[0];
      if (seen_ == packet_header_size) {
        visit(bytes[0], !continues_);
        missing_ = read_packet_header(header_.data()).payload_size;
        continues_ = missing_ == max_packet_payload;
        seen_ = 0;
      }
      bytes = bytes.subspan(1);
    }
  }
  // What comes next is a message's first byte.
  [[nodiscard]] bool at_message_start() const { return seen_ == 0 && missing_ == 0 && !continues_; }

 private:
  std::array<std::uint8_t, packet_header_size> header_{};
  std::size_t seen_ = 0;
  std::size_t missing_ = 0; // of the payload
  bool continues_ = false;  // the message goes on with the next packet
};

} // namespace holdwater::protocol
