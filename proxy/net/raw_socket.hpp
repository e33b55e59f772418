// The lowest step of a layered stream: one receive or send on a non-blocking socket, and whether the last
// receive emptied it.
#pragma once

#include "protocol/packet.hpp"

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace holdwater::proxy {

// What one attempt to move bytes came to.
struct io_step {
  enum class kind : std::uint8_t {
    moved,   // `count` bytes, at least one
    blocked, // nothing can be moved now
    closed,  // by the peer or broken: `error` says which
  };
  kind what = kind::blocked;
  std::size_t count = 0;
  boost::system::error_code error;

  static io_step moved(std::size_t count) { return {kind::moved, count, {}}; }
  static io_step blocked() { return {}; }
  static io_step closed(boost::system::error_code why) { return {kind::closed, 0, why}; }
};

class raw_socket {
 public:
  explicit raw_socket(int descriptor) : descriptor_(descriptor) {} // not owned

  io_step receive(std::span<std::uint8_t> room);
  io_step send(protocol::byte_span bytes);
  // The last receive() took all that was there: only the kernel's word can tell of more.
  [[nodiscard]] bool drained() const { return drained_; }
  // The kernel has told of more, which a layer above may find before it asks for it.
  void refilled() { drained_ = false; }

 private:
  int descriptor_;
  bool drained_ = false;
};

} // namespace holdwater::proxy
