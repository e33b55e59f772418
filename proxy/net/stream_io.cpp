#include "proxy/net/stream_io.hpp"

#include <algorithm>

namespace holdwater::proxy {

using protocol::byte_span;

task<io_status> send_all(transport& stream, waiter how, byte_span bytes) {
  while (!bytes.empty()) {
    switch (stream.send(bytes)) {
    case transport::status::progress: break;
    case transport::status::closed: co_return io_status::closed;
    case transport::status::blocked:
      stream.arm_send();
      co_await how.wake.wait();
      if (how.expired()) co_return io_status::timed_out;
      break;
    }
  }
  co_return io_status::done;
}

task<io_status> receive_some(transport& stream, waiter how) {
  for (;;) {
    if (stream.maybe_readable() || stream.closed()) {
      switch (stream.receive()) {
      case transport::status::progress: co_return io_status::done;
      case transport::status::closed: co_return io_status::closed;
      case transport::status::blocked: break;
      }
    }
    stream.arm_receive();
    co_await how.wake.wait();
    if (how.expired()) co_return io_status::timed_out;
  }
}

task<io_status> shake_hands(transport& stream, waiter how) {
  for (;;) {
    switch (stream.shake_hands()) {
    case transport::status::progress: co_return io_status::done;
    case transport::status::closed: co_return io_status::closed;
    case transport::status::blocked: break;
    }
    stream.arm_handshake();
    co_await how.wake.wait();
    if (how.expired()) co_return io_status::timed_out;
  }
}

task<io_status> read_message(transport& stream, waiter how, std::size_t largest, message& out,
                             excess longer) {
  out.payload.clear();
  auto& received = stream.received();
  bool fits = true;
  for (;;) {
    while (received.size() < protocol::packet_header_size) {
      const auto got = co_await receive_some(stream, how);
      if (got != io_status::done) co_return got;
    }
    const auto header = protocol::read_packet_header(received.bytes().data());
    out.sequence = header.sequence;
    fits = fits && out.payload.size() + header.payload_size <= largest;
    if (!fits) {
      if (longer == excess::leave) co_return io_status::too_large;
      out.payload.clear();
    }
    received.consume(protocol::packet_header_size);

    for (std::size_t missing = header.payload_size; missing > 0;) {
      if (received.empty()) {
        const auto got = co_await receive_some(stream, how);
        if (got != io_status::done) co_return got;
      }
      const auto part = received.bytes().first(std::min(missing, received.size()));
      if (fits) out.payload.insert(out.payload.end(), part.begin(), part.end());
      received.consume(part.size());
      missing -= part.size();
    }
    if (header.payload_size < protocol::max_packet_payload)
      co_return fits ? io_status::done : io_status::too_large;
  }
}

} // namespace holdwater::proxy
