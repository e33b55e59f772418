// Builds one packet at the end of a buffer: the header's place is reserved first and filled in when the
// payload is whole. A payload of 0xffffff bytes or more is split, as append_message() does.
#pragma once

#include "protocol/packet.hpp"

namespace holdwater::protocol {

class packet_builder {
 public:
  packet_builder(byte_buffer& out, std::uint8_t sequence)
      : out_(out), begin_(out.size()), sequence_(sequence) {
    out.resize(begin_ + packet_header_size);
  }

  [[nodiscard]] payload_writer payload() { return payload_writer(out_); }
  void finish(); // fills in the header

 private:
  byte_buffer& out_;
  std::size_t begin_;
  std::uint8_t sequence_;
};

} // namespace holdwater::protocol
