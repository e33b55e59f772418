// The seam between sessions and the network: one connected stream, its received bytes, and the two waits that
// a session needs. Sessions see only this; below is the plain socket, or layers over it (TLS, the compressed
// protocol).
//
// Invariant: an armed wait wakes the owner once. The loop's poller knows the stream until close(); after it,
// nothing wakes the owner. A send() that was blocked is repeated with the same bytes, perhaps
// more behind them, or the stream is closed: a layer may have begun to put them into a record.
#pragma once

#include "proxy/net/poller.hpp"
#include "proxy/net/ring_socket.hpp"
#include "proxy/net/rx_buffer.hpp"
#include "proxy/net/stream_layers.hpp"
#include "proxy/net/stream_socket.hpp"
#include "proxy/net/wakeup.hpp"

#include <boost/system/error_code.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace holdwater::proxy {

// Sets on a listening socket what each connection that it accepts shall have.
void prepare_listener(int socket, std::chrono::seconds keepalive);
// A peer that has been silent for `idle` is asked whether it is still there, and is given up after as long
// again. Zero: as the system does it.
void set_keepalive(int socket, std::chrono::seconds idle);

class transport final : public poll_target, private ring_user {
 public:
  enum class status : std::uint8_t {
    progress, // at least one byte was moved
    blocked,  // nothing can be moved now: arm and wait
    closed,   // the peer has closed, or the connection is broken: error() says which
  };

  // Takes over a connected socket. When the poller cannot take it the stream begins closed. `accepted`: from
  // prepare_listener()'s socket, so that its options are set; whether it is a unix socket.
  transport(poller& sockets, stream_socket::native_handle_type socket, wakeup& owner,
            std::optional<bool> accepted = {});
  ~transport() { close(); }
  transport(const transport&) = delete;
  transport& operator=(const transport&) = delete;

  // Receives once into received(); consumes nothing. Never blocks. A full buffer counts as blocked.
  status receive();
  // Sends what it can from the front of `bytes` and shortens it. Never blocks.
  status send(protocol::byte_span& bytes);

  // What its owner does without waiting is over its share: the next wake-up of arm_receive() comes after all
  // others have had theirs. receive() sees to that by itself, and is blocked then.
  [[nodiscard]] bool turn_is_over();

  // Asks for a wake-up when receive() or send() could make progress. Cheap when already asked.
  void arm_receive();
  void arm_send();
  // False until something arrived since the last blocked receive().
  [[nodiscard]] bool maybe_readable() const {
    return maybe_readable_ || (plain_ && !giving_turn_ && plain_->arrived() != ring_socket::arrival::none);
  }
  // On a ring, send() may have taken what the kernel has not: that is not sent any more. True when there was
  // such, so that the peer cannot have seen all that was to be sent.
  [[nodiscard]] bool withdraw() { return plain_ && plain_->withdraw(); }

  [[nodiscard]] rx_buffer& received() { return received_; }
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] boost::system::error_code error() const { return error_; }
  [[nodiscard]] std::string peer_address() const; // without the port, "localhost" for a unix socket
  [[nodiscard]] stream_protocol::endpoint peer_endpoint() const;
  [[nodiscard]] stream_protocol::endpoint own_endpoint() const;
  [[nodiscard]] bool is_local() const { return local_; } // a unix socket: nobody can listen in

  // The peer has hung up, with nothing unread before that. Takes nothing from the stream.
  [[nodiscard]] bool peer_has_left();
  // Wakes another owner from now on: the stream is handed over.
  void serve(wakeup& owner) { owner_ = &owner; }

  // Puts TLS under the stream; what was received already is the peer's handshake. `host` as in tls_channel.
  void add_tls(const tls_context& context, const std::string& host = {});
  // One step of the handshake: progress when it is done. Blocked: arm_handshake(), wait, and again.
  status shake_hands();
  void arm_handshake();
  // Null without TLS.
  [[nodiscard]] const tls_channel* tls() const { return layers_ ? layers_->tls() : nullptr; }
  // Nobody on the way can read what is sent.
  [[nodiscard]] bool secure() const { return local_ || tls() != nullptr; }

  // Puts the compressed protocol under the stream; what was received already belongs to it. `level` is
  // zstd's.
  void add_compression(facing whom, protocol::compression how, int level);
  [[nodiscard]] bool compressed() const { return layers_ && layers_->compressed() != nullptr; }
  // The client's messages from here on are a local file, or are not any more.
  void uploading(bool on) {
    if (compressed()) layers_->compressed()->uploading(on);
  }

  // Ends both directions, so that whoever waits finds the stream closed. What was received stays.
  void hang_up();
  // Closes the socket. After it, nothing wakes the owner.
  void close();
  // The same without a farewell, as one who was cut off.
  void vanish();

 private:
  void on_ready(readiness now) override;
  void on_moved() override;
  status receive_arrived(std::span<std::uint8_t> room);
  status receive_now(std::span<std::uint8_t> room);
  status send_on_ring(protocol::byte_span& bytes);
  status send_now(protocol::byte_span& bytes);
  void leave_ring();
  status receive_layered(std::span<std::uint8_t> room);
  status send_layered(protocol::byte_span& bytes);
  status fail(boost::system::error_code error);
  status give_turn();

  poller& sockets_;
  int socket_; // -1 after close()
  wakeup* owner_;
  rx_buffer received_;
  ring_socket* plain_ = nullptr;          // on a ring: what moves the bytes, while there are no layers
  std::unique_ptr<stream_layers> layers_; // null: the plain socket
  boost::system::error_code error_;
  bool maybe_readable_ = false; // the poller tells what is there already
  bool ended_ = false;          // there is an end to be found behind what is still to be read
  unsigned in_a_row_ = 0;       // pieces of work since the poller last spoke
  bool giving_turn_ = false;    // the poller was asked to speak again
  bool receive_armed_ = false;
  bool send_armed_ = false;
  bool closed_ = false;
  bool local_ = false;
};

} // namespace holdwater::proxy
