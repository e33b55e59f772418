#include "proxy/listener.hpp"

#include "proxy/session/errors.hpp"

#include <boost/asio/write.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace holdwater::proxy {

using tcp = asio::ip::tcp;

listener::listener(asio::io_context& loop, services& process, std::vector<std::unique_ptr<worker>>& workers)
    : process_(process), workers_(workers), acceptor_(loop), pause_(loop) {}

boost::system::error_code listener::open(const endpoint& where) {
  boost::system::error_code failed;
  tcp::resolver resolver(acceptor_.get_executor());
  const auto found = resolver.resolve(where.host, std::to_string(where.port), tcp::resolver::passive, failed);
  if (failed) return failed;
  const tcp::endpoint address = found.begin()->endpoint();
  acceptor_.open(address.protocol(), failed);
  if (!failed) acceptor_.set_option(asio::socket_base::reuse_address(true), failed);
  if (!failed) acceptor_.bind(address, failed);
  if (!failed) acceptor_.listen(asio::socket_base::max_listen_connections, failed);
  return failed;
}

endpoint listener::bound() const {
  boost::system::error_code failed;
  const auto address = acceptor_.local_endpoint(failed);
  return failed ? endpoint{} : endpoint{address.address().to_string(), address.port()};
}

void listener::close() {
  boost::system::error_code ignored; // the port is released whatever close() reports
  acceptor_.close(ignored);
  pause_.cancel();
}

void listener::accept() {
  acceptor_.async_accept([this](boost::system::error_code failed, tcp::socket client) {
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

void listener::take(tcp::socket client) {
  auto& counters = process_.counters;
  counters.connections.fetch_add(1, std::memory_order_relaxed);
  if (counters.connected.load(std::memory_order_relaxed) >= process_.settings.max_connections)
    return turn_away(std::move(client));
  counters.connected.fetch_add(1, std::memory_order_relaxed);
  const auto fewest = std::min_element(workers_.begin(), workers_.end(), [](const auto& a, const auto& b) {
    return a->sessions() < b->sessions();
  });
  boost::system::error_code failed;
  const bool v6 = client.local_endpoint(failed).protocol() == tcp::v6();
  const auto socket = client.release(failed);
  if (failed) {
    spdlog::warn("a client could not be handed over: {}", failed.message());
    counters.connected.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  (*fewest)->adopt(socket, v6);
}

void listener::turn_away(tcp::socket client) {
  protocol::byte_buffer out;
  append_client_error(out, 0, client_error::too_many_connections, "Too many connections", 0);
  boost::system::error_code ignored; // a client that is told no may be gone already
  client.non_blocking(true, ignored);
  client.write_some(asio::buffer(out), ignored);
}

} // namespace holdwater::proxy
