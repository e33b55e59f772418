#include "admin/server.hpp"
#include "admin/shared_state.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>

namespace holdwater::admin {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

// Connections past the limit that are told so at once; further ones are closed without a word.
constexpr std::size_t most_refusals = 64;
// Before the next attempt when accepting failed, most likely for want of file descriptors.
constexpr std::chrono::milliseconds accept_pause{100};

boost::system::result<tcp::endpoint> resolve(asio::io_context& io, const endpoint& where) {
  error_code error;
  const auto address = asio::ip::make_address(where.host, error);
  if (!error) return tcp::endpoint(address, where.port);
  tcp::resolver resolver(io);
  const auto found = resolver.resolve(where.host, "", tcp::resolver::passive, error);
  if (error) return error;
  return tcp::endpoint(found.begin()->endpoint().address(), where.port);
}

error_code listen(tcp::acceptor& on, const tcp::endpoint& where) {
  error_code error;
  on.open(where.protocol(), error);
  if (!error) on.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) on.bind(where, error);
  if (!error) on.listen(asio::socket_base::max_listen_connections, error);
  return error;
}

} // namespace

struct server::impl : std::enable_shared_from_this<server::impl> {
  asio::io_context& io;
  endpoint where;
  tcp::acceptor acceptor;
  asio::steady_timer pause;
  std::shared_ptr<shared_state> shared;
  std::vector<std::weak_ptr<connection>> connections;

  impl(asio::io_context& context, process& on, endpoint at, settings how)
      : io(context), where(std::move(at)), acceptor(context), pause(context),
        shared(std::make_shared<shared_state>(on, std::move(how), std::make_shared<mailbox>(context))) {
    shared->how.host_names.push_back(where.host);
  }

  void accept() {
    acceptor.async_accept([self = shared_from_this()](error_code error, tcp::socket socket) {
      if (!self->acceptor.is_open()) return;
      if (error) return self->accept_later();
      self->welcome(std::move(socket));
      self->accept();
    });
  }

  void accept_later() {
    pause.expires_after(accept_pause);
    pause.async_wait([self = shared_from_this()](error_code) {
      if (self->acceptor.is_open()) self->accept();
    });
  }

  void welcome(tcp::socket socket) {
    const auto most = shared->how.most_connections;
    if (shared->open >= most + most_refusals) return; // the socket closes here
    std::erase_if(connections, [](const auto& one) { return one.expired(); });
    connections.push_back(serve(std::move(socket), shared, shared->open >= most));
  }

  void close() {
    error_code ignored; // closing is all that is left to do
    acceptor.close(ignored);
    pause.cancel();
    for (const auto& one : connections)
      if (const auto alive = one.lock()) alive->stop();
    connections.clear();
  }
};

server::server(asio::io_context& io, process& on, endpoint where, settings how)
    : impl_(std::make_shared<impl>(io, on, std::move(where), std::move(how))) {}

server::~server() {
  impl_->close();
  impl_->shared->back->close();
}

boost::system::result<std::uint16_t> server::start() {
  const auto where = resolve(impl_->io, impl_->where);
  if (!where) return where.error();
  if (const auto error = listen(impl_->acceptor, *where)) return error;
  impl_->accept();
  return impl_->acceptor.local_endpoint().port();
}

void server::stop() {
  asio::post(impl_->io, [self = impl_] { self->close(); });
}

} // namespace holdwater::admin
