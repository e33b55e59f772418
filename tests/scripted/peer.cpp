#include "tests/scripted/peer.hpp"

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <utility>

namespace holdwater::proxy::test {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

const sockaddr* as_address(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

bool becomes_ready(int socket, short events, std::chrono::milliseconds limit) {
  pollfd waited{socket, events, 0};
  int ready = -1;
  do ready = ::poll(&waited, 1, static_cast<int>(limit.count()));
  while (ready < 0 && errno == EINTR);
  return ready > 0;
}

std::string failure(const char* step) {
  return std::string(step) + ": " + std::strerror(errno);
}

} // namespace

peer::peer(peer&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}

peer& peer::operator=(peer&& other) noexcept {
  std::swap(socket_, other.socket_);
  return *this;
}

peer::~peer() {
  close();
}

peer peer::connect(std::uint16_t port) {
  peer made(::socket(AF_INET, SOCK_STREAM, 0));
  const auto address = loopback(port);
  REQUIRE_MESSAGE(::connect(made.socket_, as_address(address), sizeof address) == 0, failure("connect"));
  const int on = 1;
  ::setsockopt(made.socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return made;
}

void peer::wait_for(short events) {
  REQUIRE_MESSAGE(socket_ >= 0, "this end of the conversation is closed");
  REQUIRE_MESSAGE(becomes_ready(socket_, events, patience), "nothing happened within the deadline");
}

void peer::send(protocol::byte_span bytes) {
  while (!bytes.empty()) {
    wait_for(POLLOUT);
    const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    REQUIRE_MESSAGE(sent > 0, failure("send"));
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
}

void peer::send_in_pieces(protocol::byte_span bytes) {
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  for (std::size_t at = 0; at < bytes.size(); ++at) send(bytes.subspan(at, 1));
}

void peer::send_packet(std::uint8_t sequence, protocol::byte_span payload) {
  protocol::byte_buffer out;
  protocol::append_message(out, sequence, payload);
  send(out);
}

std::size_t peer::read_some(std::uint8_t* into, std::size_t most) {
  for (;;) {
    wait_for(POLLIN);
    const auto got = ::recv(socket_, into, most, MSG_DONTWAIT);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == ECONNRESET) return 0;
    REQUIRE_MESSAGE((errno == EAGAIN || errno == EINTR), failure("recv"));
  }
}

protocol::byte_buffer peer::read(std::size_t count) {
  protocol::byte_buffer out(count);
  for (std::size_t at = 0; at < count;) {
    const auto got = read_some(out.data() + at, count - at);
    REQUIRE_MESSAGE(got > 0, "the other side hung up where the script expects bytes");
    at += got;
  }
  return out;
}

packet peer::read_packet() {
  const auto bytes = read(protocol::packet_header_size);
  const auto header = protocol::read_packet_header(bytes.data());
  return {header.sequence, read(header.payload_size)};
}

bool peer::try_send_packet(std::uint8_t sequence, protocol::byte_span payload) {
  protocol::byte_buffer out;
  protocol::append_message(out, sequence, payload);
  wait_for(POLLOUT);
  return ::send(socket_, out.data(), out.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(out.size());
}

std::optional<packet> peer::read_packet_or_end() {
  protocol::byte_buffer bytes(protocol::packet_header_size);
  for (std::size_t at = 0; at < bytes.size();) {
    const auto got = read_some(bytes.data() + at, bytes.size() - at);
    if (got == 0) return std::nullopt;
    at += got;
  }
  const auto header = protocol::read_packet_header(bytes.data());
  return packet{header.sequence, read(header.payload_size)};
}

void peer::expect(std::uint8_t sequence, protocol::byte_span payload) {
  const auto got = read_packet();
  REQUIRE(protocol::as_text(got.payload) == protocol::as_text(payload));
  REQUIRE(got.sequence == sequence);
}

void peer::expect_bytes(protocol::byte_span bytes) {
  const auto got = read(bytes.size());
  REQUIRE(protocol::as_text(got) == protocol::as_text(bytes));
}

void peer::expect_closed() {
  std::uint8_t unexpected = 0;
  REQUIRE_MESSAGE(read_some(&unexpected, 1) == 0, "a byte came where the script expects the end");
}

int peer::lend() {
  const timeval limit{patience.count(), 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  return socket_;
}

void peer::hang_up() {
  ::shutdown(socket_, SHUT_WR);
  std::uint8_t farewell[64];
  while (read_some(farewell, sizeof farewell) > 0) continue;
  close();
}

void peer::close() {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

listening_socket::listening_socket() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
  auto address = loopback(0);
  REQUIRE_MESSAGE(::bind(socket_, as_address(address), sizeof address) == 0, failure("bind"));
  REQUIRE_MESSAGE(::listen(socket_, 64) == 0, failure("listen"));
  socklen_t size = sizeof address;
  REQUIRE(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
}

void listening_socket::close() {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

int listening_socket::accept() {
  REQUIRE_MESSAGE(becomes_ready(socket_, POLLIN, patience), "nobody connected within the deadline");
  const int accepted = ::accept(socket_, nullptr, nullptr);
  REQUIRE_MESSAGE(accepted >= 0, failure("accept"));
  return accepted;
}

bool listening_socket::anyone_waits() const {
  return becomes_ready(socket_, POLLIN, std::chrono::milliseconds(0));
}

} // namespace holdwater::proxy::test
