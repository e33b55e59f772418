#include "proxy/net/transport.hpp"

#include "proxy/net/ring.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace holdwater::proxy {
namespace {

bool would_block(int number) {
  return number == EAGAIN || number == EWOULDBLOCK || number == EINTR;
}

boost::system::error_code system_error(int number) {
  return {number, boost::system::system_category()};
}

void set_option(int socket, int level, int name, int value = 1) {
  ::setsockopt(socket, level, name, &value, sizeof value);
}

// A TCP socket without these options works, only slower. A unix socket has none of them.
void set_stream_options(int socket) {
  set_option(socket, IPPROTO_TCP, TCP_NODELAY);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE);
}

// So much is done for one stream before the others have their turn: 4 MiB, when it is received as it comes.
constexpr unsigned most_in_a_row = 64;

// The address that getsockname() or getpeername() tells; an empty one when it tells none.
template <class Ask>
stream_protocol::endpoint address_of(int socket, Ask ask) {
  stream_protocol::endpoint found;
  auto size = static_cast<socklen_t>(found.capacity());
  if (ask(socket, found.data(), &size) == 0) found.resize(size);
  return found;
}

} // namespace

void prepare_listener(int socket, std::chrono::seconds keepalive) {
  set_stream_options(socket);
  set_keepalive(socket, keepalive);
}

void set_keepalive(int socket, std::chrono::seconds idle) {
  constexpr int probes = 10;
  const auto seconds = static_cast<int>(idle.count());
  if (seconds == 0) return;
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, std::max(1, seconds / probes));
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, probes);
}

transport::transport(poller& sockets, stream_socket::native_handle_type socket, wakeup& owner,
                     std::optional<bool> accepted)
    : sockets_(sockets), socket_(socket), owner_(&owner) {
  local_ = accepted ? *accepted : is_unix(own_endpoint());
  if (!accepted && !local_) set_stream_options(socket_);
  if (auto* const ring = sockets_.operations())
    plain_ = &ring->open(socket_, *this);
  else if (const auto failed = sockets_.watch(socket_, this))
    fail(failed);
}

transport::status transport::receive() {
  if (closed_) return status::closed;
  if (++in_a_row_ > most_in_a_row) [[unlikely]]
    return give_turn();
  const auto room = received_.room();
  if (room.empty()) return status::blocked;
  if (layers_) [[unlikely]]
    return receive_layered(room);
  return plain_ && (plain_->asked() || plain_->arrived() != ring_socket::arrival::none)
             ? receive_arrived(room)
             : receive_now(room);
}

transport::status transport::receive_now(std::span<std::uint8_t> room) {
  const auto count = ::recv(socket_, room.data(), room.size(), MSG_DONTWAIT);
  if (count > 0) {
    // A short read has emptied the socket: the next byte will wake us. An end was told already, maybe before.
    maybe_readable_ = static_cast<std::size_t>(count) == room.size() || ended_;
    received_.commit(static_cast<std::size_t>(count));
    return status::progress;
  }
  if (count == 0) return fail(asio::error::eof);
  if (!would_block(errno)) return fail(system_error(errno));
  maybe_readable_ = false;
  return status::blocked;
}

transport::status transport::send(protocol::byte_span& bytes) {
  if (closed_) return status::closed;
  if (layers_) [[unlikely]]
    return send_layered(bytes);
  return plain_ ? send_on_ring(bytes) : send_now(bytes);
}

transport::status transport::send_now(protocol::byte_span& bytes) {
  const auto count = ::send(socket_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count >= 0) {
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    return status::progress;
  }
  return would_block(errno) ? status::blocked : fail(system_error(errno));
}

transport::status transport::receive_arrived(std::span<std::uint8_t> room) {
  using enum ring_socket::arrival;
  switch (plain_->arrived()) {
  case bytes: {
    const auto count = plain_->take(room);
    received_.commit(count);
    maybe_readable_ = plain_->arrived() == bytes || plain_->more_behind();
    return status::progress;
  }
  case end: return fail(plain_->failure() != 0 ? system_error(plain_->failure()) : asio::error::eof);
  case look: plain_->look_taken(); return receive_now(room);
  case none: break;
  }
  maybe_readable_ = false;
  return status::blocked;
}

// Little is taken at once and sent with all that the others send; much is handed to the kernel here, and what
// it does not take now is sent by the ring when it can be.
transport::status transport::send_on_ring(protocol::byte_span& bytes) {
  if (plain_->sending()) sockets_.operations()->hand_over();
  if (const auto failed = plain_->send_failure()) return fail(system_error(failed));
  if (plain_->sending()) return status::blocked;
  if (bytes.size() > ring_socket::most_sent) {
    const auto moved = send_now(bytes);
    if (moved != status::blocked) return moved;
  }
  bytes = bytes.subspan(plain_->send(bytes));
  return status::progress;
}

transport::status transport::receive_layered(std::span<std::uint8_t> room) {
  const auto step = layers_->receive(room);
  switch (step.what) {
  case io_step::kind::moved:
    received_.commit(step.count);
    maybe_readable_ = step.count == room.size() || layers_->may_have_more() || ended_;
    return status::progress;
  case io_step::kind::closed: return fail(step.error);
  case io_step::kind::blocked: break;
  }
  maybe_readable_ = false;
  return status::blocked;
}

transport::status transport::send_layered(protocol::byte_span& bytes) {
  const auto step = layers_->send(bytes);
  switch (step.what) {
  case io_step::kind::moved: bytes = bytes.subspan(step.count); return status::progress;
  case io_step::kind::closed: return fail(step.error);
  case io_step::kind::blocked: break;
  }
  return status::blocked;
}

void transport::arm_receive() {
  if (maybe_readable() || closed_) return;
  receive_armed_ = true;
  if (giving_turn_) return; // it is told in any case
  if (plain_ && !plain_->asked()) plain_->ask();
  if (layers_ && layers_->receive_wants_to_send()) send_armed_ = true;
}

void transport::arm_send() {
  if (closed_) return;
  if (layers_ && layers_->send_wants_to_receive())
    receive_armed_ = true;
  else
    send_armed_ = true;
  if (plain_) plain_->tell_when_sent();
}

void transport::on_moved() {
  in_a_row_ = 0;
  const bool again = std::exchange(giving_turn_, false);
  const bool arrived = again || plain_->arrived() != ring_socket::arrival::none;
  bool wanted = (arrived && receive_armed_) || (send_armed_ && !plain_->sending());
  if (const auto failed = plain_->send_failure(); failed != 0 && !closed_ && !arrived) {
    wanted = wanted || receive_armed_;
    fail(system_error(failed));
  }
  if (arrived) maybe_readable_ = true;
  if (arrived || closed_) receive_armed_ = false;
  if (!plain_->sending()) send_armed_ = false;
  if (wanted && owner_) owner_->notify();
}

bool transport::turn_is_over() {
  if (++in_a_row_ <= most_in_a_row || closed_) return false;
  return give_turn() == status::blocked;
}

// Whatever can be done with the socket, the poller says it once more, and by then it has asked the others.
transport::status transport::give_turn() {
  in_a_row_ = 0;
  if (plain_)
    plain_->tell_again();
  else if (const auto failed = sockets_.watch_again(socket_, this))
    return fail(failed);
  giving_turn_ = true;
  maybe_readable_ = false;
  return status::blocked;
}

void transport::on_ready(readiness now) {
  in_a_row_ = 0;
  if (std::exchange(giving_turn_, false)) now.readable = true; // a layer may hold what was received
  const bool wanted = (now.readable && receive_armed_) || (now.writable && send_armed_);
  if (now.ended) ended_ = true;
  if (now.readable) {
    maybe_readable_ = true;
    receive_armed_ = false;
    if (layers_) layers_->refilled();
  }
  if (now.writable) {
    send_armed_ = false;
    if (layers_ && layers_->receive_wants_to_send()) maybe_readable_ = true;
  }
  if (wanted && owner_) owner_->notify();
}

// Before the first layer: from here on the stream's own calls move the bytes.
void transport::leave_ring() {
  if (!plain_) return;
  plain_->settle();
  while (plain_->arrived() == ring_socket::arrival::bytes) {
    const auto room = received_.room();
    if (room.empty()) break;
    received_.commit(plain_->take(room));
  }
  // What was said before is with the kernel, or it will never be.
  auto failed = plain_->send_failure();
  if (plain_->arrived() == ring_socket::arrival::end && failed == 0) failed = plain_->failure();
  plain_->release();
  plain_ = nullptr;
  if (failed != 0) fail(system_error(failed));
  if (const auto unwatched = sockets_.watch(socket_, this)) fail(unwatched);
}

void transport::add_tls(const tls_context& context, const std::string& host) {
  leave_ring();
  layers_ = std::make_unique<stream_layers>(socket_);
  layers_->add_tls(context, host, received_.bytes());
  received_.release();
}

void transport::add_compression(facing whom, protocol::compression how, int level) {
  leave_ring();
  if (!layers_) layers_ = std::make_unique<stream_layers>(socket_);
  layers_->add_compression(whom, how, level, received_.bytes());
  received_.release();
  maybe_readable_ = true;
}

transport::status transport::shake_hands() {
  if (closed_) return status::closed;
  const auto step = layers_->tls()->shake_hands();
  switch (step.what) {
  case io_step::kind::moved: maybe_readable_ = true; return status::progress;
  case io_step::kind::closed: return fail(step.error);
  case io_step::kind::blocked: break;
  }
  return status::blocked;
}

void transport::arm_handshake() {
  if (closed_) return;
  if (layers_->receive_wants_to_send())
    send_armed_ = true;
  else
    receive_armed_ = true;
}

std::string transport::peer_address() const {
  return address_text(peer_endpoint());
}

stream_protocol::endpoint transport::peer_endpoint() const {
  return address_of(socket_, ::getpeername);
}

stream_protocol::endpoint transport::own_endpoint() const {
  return address_of(socket_, ::getsockname);
}

bool transport::peer_has_left() {
  if (closed_) return true;
  if (plain_ && plain_->arrived() == ring_socket::arrival::end) return true;
  if (plain_ && plain_->arrived() == ring_socket::arrival::bytes) return false;
  std::uint8_t next = 0;
  const auto count = ::recv(socket_, &next, 1, MSG_PEEK | MSG_DONTWAIT);
  return count == 0 || (count < 0 && !would_block(errno));
}

void transport::hang_up() {
  if (plain_ && plain_->sending()) sockets_.operations()->hand_over(); // the last words first
  if (socket_ >= 0) ::shutdown(socket_, SHUT_RDWR); // one that is closed already is as good
}

void transport::close() {
  owner_ = nullptr;
  if (layers_ && !closed_) layers_->say_goodbye();
  closed_ = true;
  received_.release();
  if (socket_ < 0) return;
  if (plain_) { // which sends what it has taken, and then closes
    std::exchange(plain_, nullptr)->leave();
    socket_ = -1;
    return;
  }
  sockets_.forget(this);
  ::close(std::exchange(socket_, -1)); // the descriptor is released whatever close() reports
}

void transport::vanish() {
  closed_ = true;
  close();
}

transport::status transport::fail(boost::system::error_code error) {
  closed_ = true;
  error_ = error;
  return status::closed;
}

} // namespace holdwater::proxy
