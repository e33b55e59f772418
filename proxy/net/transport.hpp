// The seam between sessions and the network: one connected stream, its received bytes, and the two waits that
// a session needs. Sessions see only this; what is below may be epoll, io_uring, TLS.
//
// Invariant: at most one read wait and one write wait are outstanding; each wakes the owner once. The owner
// may be gone by then: it detaches first.
#pragma once

#include "proxy/net/rx_buffer.hpp"
#include "proxy/net/stream_socket.hpp"
#include "proxy/net/wakeup.hpp"

#include <boost/system/error_code.hpp>

#include <memory>
#include <string>

namespace holdwater::proxy {

class transport : public std::enable_shared_from_this<transport> {
 public:
  enum class status : std::uint8_t {
    progress, // at least one byte was moved
    blocked,  // nothing can be moved now: arm and wait
    closed,   // the peer has closed, or the connection is broken: error() says which
  };

  transport(stream_socket socket, wakeup& owner);

  // Receives once into received(); consumes nothing. Never blocks. A full buffer counts as blocked.
  status receive();
  // Sends what it can from the front of `bytes` and shortens it. Never blocks.
  status send(protocol::byte_span& bytes);

  // Asks for a wake-up when receive() or send() could make progress. Cheap when already asked.
  void arm_receive();
  void arm_send();
  // False until something arrived since the last blocked receive().
  [[nodiscard]] bool maybe_readable() const { return maybe_readable_; }

  [[nodiscard]] rx_buffer& received() { return received_; }
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] boost::system::error_code error() const { return error_; }
  [[nodiscard]] std::string peer_address() const; // without the port, "localhost" for a unix socket
  [[nodiscard]] stream_protocol::endpoint peer_endpoint() const;
  [[nodiscard]] stream_protocol::endpoint own_endpoint() const;
  [[nodiscard]] bool is_local() const { return local_; } // a unix socket: nobody can listen in

  // The peer has hung up, with nothing unread before that. Takes nothing from the stream.
  [[nodiscard]] bool peer_has_left();

  // Ends both directions, so that whoever waits finds the stream closed. What was received stays.
  void hang_up();
  // Closes the socket. After it, nothing wakes the owner.
  void close();

 private:
  void wake();
  status fail(boost::system::error_code error);

  stream_socket socket_;
  wakeup* owner_;
  rx_buffer received_;
  boost::system::error_code error_;
  bool maybe_readable_ = true;
  bool receive_armed_ = false;
  bool send_armed_ = false;
  bool closed_ = false;
  bool local_ = false;
};

} // namespace holdwater::proxy
