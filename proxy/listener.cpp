#include "proxy/listener.hpp"

#include "proxy/session/errors.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <sys/stat.h>
#include <sys/un.h>

namespace holdwater::proxy {

using tcp = asio::ip::tcp;

listener::listener(asio::io_context& loop, services& process, std::vector<std::unique_ptr<worker>>& workers)
    : process_(process), workers_(workers), acceptor_(loop), pause_(loop) {}

boost::system::error_code listener::open(const endpoint& where) {
  boost::system::error_code failed;
  tcp::resolver resolver(acceptor_.get_executor());
  const auto found = resolver.resolve(where.host, std::to_string(where.port), tcp::resolver::passive, failed);
  if (failed) return failed;
  return listen_on(found.begin()->endpoint());
}

boost::system::error_code listener::open(const std::string& path, unsigned mode) {
  constexpr std::size_t longest_path = sizeof(sockaddr_un::sun_path) - 1;
  if (path.size() > longest_path) return {ENAMETOOLONG, boost::system::system_category()};
  file_.emplace(path);
  if (const auto failed = file_->make_room()) return failed;
  // Never wider than wished, not even for a moment; this runs before any other thread makes files.
  const auto before = ::umask(0777 & ~mode);
  const auto failed = listen_on(asio::local::stream_protocol::endpoint(path));
  ::umask(before);
  if (!failed) file_->own();
  return failed;
}

boost::system::error_code listener::listen_on(const stream_protocol::endpoint& address) {
  boost::system::error_code failed;
  acceptor_.open(address.protocol(), failed);
  if (!failed) acceptor_.set_option(asio::socket_base::reuse_address(true), failed);
  if (!failed) acceptor_.bind(address, failed);
  if (!failed) acceptor_.listen(asio::socket_base::max_listen_connections, failed);
  return failed;
}

endpoint listener::bound() const {
  boost::system::error_code failed;
  const auto address = acceptor_.local_endpoint(failed);
  if (failed) return {};
  const auto port = ip_endpoint_of(address);
  return {address_text(address), port ? port->port : std::uint16_t{0}};
}

void listener::close() {
  boost::system::error_code ignored; // the port is released whatever close() reports
  acceptor_.close(ignored);
  file_.reset();
  pause_.cancel();
}

void listener::accept() {
  acceptor_.async_accept([this](boost::system::error_code failed, stream_socket client) {
    if (failed == asio::error::operation_aborted) return;
    if (!failed) {
      take(std::move(client));
      return accept();
    }
    // No descriptors left, or the client has gone already: the next one may fare better, after a breath.
    spdlog::warn("accept: {}", failed.message());
    pause_.expires_after(std::chrono::milliseconds(100));
    pause_.async_wait([this](boost::system::error_code cancelled) {
      if (!cancelled) accept();
    });
  });
}

void listener::take(stream_socket client) {
  auto& counters = process_.counters;
  counters.connections.fetch_add(1, std::memory_order_relaxed);
  if (counters.connected.load(std::memory_order_relaxed) >= process_.settings.max_connections)
    return turn_away(std::move(client));
  counters.connected.fetch_add(1, std::memory_order_relaxed);
  const auto fewest = std::min_element(workers_.begin(), workers_.end(), [](const auto& a, const auto& b) {
    return a->sessions() < b->sessions();
  });
  boost::system::error_code failed;
  const auto socket = client.release(failed);
  if (failed) {
    spdlog::warn("a client could not be handed over: {}", failed.message());
    counters.connected.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  (*fewest)->adopt(socket);
}

void listener::turn_away(stream_socket client) {
  protocol::byte_buffer out;
  append_client_error(out, 0, client_error::too_many_connections, "Too many connections", 0);
  boost::system::error_code ignored; // a client that is told no may be gone already
  client.non_blocking(true, ignored);
  client.write_some(asio::buffer(out), ignored);
}

} // namespace holdwater::proxy
