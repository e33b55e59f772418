#include "proxy/net/transport.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cerrno>
#include <sys/socket.h>

namespace holdwater::proxy {
namespace {

bool would_block(int number) {
  return number == EAGAIN || number == EWOULDBLOCK || number == EINTR;
}

boost::system::error_code system_error(int number) {
  return {number, boost::system::system_category()};
}

} // namespace

transport::transport(stream_socket socket, wakeup& owner) : socket_(std::move(socket)), owner_(&owner) {
  boost::system::error_code ignored; // a socket without these options works, only slower
  local_ = is_unix(socket_.local_endpoint(ignored));
  if (!local_) socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  if (!local_) socket_.set_option(asio::socket_base::keep_alive(true), ignored);
  socket_.non_blocking(true, ignored);
}

transport::status transport::receive() {
  if (closed_) return status::closed;
  const auto room = received_.room();
  if (room.empty()) return status::blocked;
  const auto count = ::recv(socket_.native_handle(), room.data(), room.size(), MSG_DONTWAIT);
  if (count > 0) {
    // A short read has emptied the socket: the next byte will wake us.
    maybe_readable_ = static_cast<std::size_t>(count) == room.size();
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
  const auto count = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count >= 0) {
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    return status::progress;
  }
  return would_block(errno) ? status::blocked : fail(system_error(errno));
}

void transport::arm_receive() {
  if (receive_armed_ || maybe_readable_ || closed_) return;
  receive_armed_ = true;
  socket_.async_wait(stream_socket::wait_read, [self = shared_from_this()](boost::system::error_code) {
    self->receive_armed_ = false;
    self->maybe_readable_ = true; // after an error too: receive() then finds it
    self->wake();
  });
}

void transport::arm_send() {
  if (send_armed_ || closed_) return;
  send_armed_ = true;
  socket_.async_wait(stream_socket::wait_write, [self = shared_from_this()](boost::system::error_code) {
    self->send_armed_ = false;
    self->wake();
  });
}

std::string transport::peer_address() const {
  boost::system::error_code failed;
  const auto peer = socket_.remote_endpoint(failed);
  return failed ? std::string("unknown") : address_text(peer);
}

stream_protocol::endpoint transport::peer_endpoint() const {
  boost::system::error_code failed; // then it is of no family
  return socket_.remote_endpoint(failed);
}

stream_protocol::endpoint transport::own_endpoint() const {
  boost::system::error_code failed;
  return socket_.local_endpoint(failed);
}

bool transport::peer_has_left() {
  if (closed_) return true;
  std::uint8_t next = 0;
  const auto count = ::recv(socket_.native_handle(), &next, 1, MSG_PEEK | MSG_DONTWAIT);
  return count == 0 || (count < 0 && !would_block(errno));
}

void transport::hang_up() {
  boost::system::error_code ignored; // one that is closed already is as good
  socket_.shutdown(stream_socket::shutdown_both, ignored);
}

void transport::close() {
  owner_ = nullptr;
  closed_ = true;
  boost::system::error_code ignored; // the descriptor is released whatever close() reports
  socket_.close(ignored);
  received_.release();
}

void transport::wake() {
  if (owner_) owner_->notify();
}

transport::status transport::fail(boost::system::error_code error) {
  closed_ = true;
  error_ = error;
  return status::closed;
}

} // namespace holdwater::proxy
