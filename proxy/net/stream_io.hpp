// The few things a coroutine does with a transport: send everything, receive something, read one whole
// message. Each ends when it is done, when the stream is closed, or when the deadline expires.
#pragma once

#include "protocol/packet.hpp"
#include "proxy/net/deadlines.hpp"
#include "proxy/net/task.hpp"
#include "proxy/net/transport.hpp"
#include "proxy/net/wakeup.hpp"

#include <cstddef>
#include <cstdint>

namespace holdwater::proxy {

enum class io_status : std::uint8_t {
  done,
  closed,    // by the peer, or broken
  timed_out, // the deadline expired
  too_large, // the message is longer than allowed
};

// What a coroutine waits with: its wake-up and, optionally, a deadline that ends the wait.
struct waiter {
  wakeup& wake;
  const deadline* limit = nullptr;

  [[nodiscard]] bool expired() const { return limit && limit->expired(); }
};

task<io_status> send_all(transport& stream, waiter how, protocol::byte_span bytes);
// At least one more byte arrives in stream.received(). Precondition: it is not at its limit.
task<io_status> receive_some(transport& stream, waiter how);
// The TLS handshake after transport::add_tls().
task<io_status> shake_hands(transport& stream, waiter how);

// One logical message, however many packets and reads it took.
struct message {
  protocol::byte_buffer payload;
  std::uint8_t sequence = 0; // of its last packet
};
// What to do with a message longer than `largest`: leave the stream in its middle, or read on to its end and
// forget it.
enum class excess : std::uint8_t { leave, swallow };
task<io_status> read_message(transport& stream, waiter how, std::size_t largest, message& out,
                             excess longer = excess::leave);

} // namespace holdwater::proxy
