#include "proxy/net/raw_socket.hpp"

#include <boost/asio/error.hpp>

#include <cerrno>
#include <sys/socket.h>

namespace holdwater::proxy {
namespace {

io_step failed(int number) {
  if (number == EAGAIN || number == EWOULDBLOCK || number == EINTR) return io_step::blocked();
  return io_step::closed({number, boost::system::system_category()});
}

} // namespace

io_step raw_socket::receive(std::span<std::uint8_t> room) {
  const auto count = ::recv(descriptor_, room.data(), room.size(), MSG_DONTWAIT);
  drained_ = count < 0 || static_cast<std::size_t>(count) < room.size();
  if (count > 0) return io_step::moved(static_cast<std::size_t>(count));
  return count == 0 ? io_step::closed(boost::asio::error::eof) : failed(errno);
}

io_step raw_socket::send(protocol::byte_span bytes) {
  const auto count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return count > 0 ? io_step::moved(static_cast<std::size_t>(count)) : failed(count == 0 ? EAGAIN : errno);
}

} // namespace holdwater::proxy
