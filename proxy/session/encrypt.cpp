// TLS in the connection phase, on both sides: the client's request for it after our greeting, and ours after
// the server's. Each side decides for itself; neither learns what the other does.
#include "proxy/net/tls_context.hpp"
#include "proxy/session/session.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace holdwater::proxy {

namespace cap = protocol::cap;

// What the greeting offers besides what must be agreed on with the server. `hello` is the server's own.
protocol::capabilities session::own_offers(const protocol::greeting& hello) {
  return (process().client_tls != nullptr ? cap::ssl : 0) | compression_offers(process().settings, hello);
}

// The client has sent an SSLRequest. False when there is no TLS connection then.
task<bool> session::encrypt_client(std::uint8_t sequence) {
  if (process().client_tls == nullptr)
    co_return co_await deny(client_error::bad_handshake, "TLS is not offered here", sequence);
  client_->add_tls(*process().client_tls);
  const auto done = co_await shake_hands(*client_, {wake_, &limit_});
  if (done == io_status::done) co_return true;
  process().counters.tls_failed.fetch_add(1, std::memory_order_relaxed);
  const auto& why = client_->tls()->problem();
  spdlog::debug("TLS with a client failed: {}", !why.empty()                   ? why
                                                : done == io_status::timed_out ? "timed out"
                                                                               : "it hung up");
  co_return false;
}

// Whether a client may go on with the connection that it has; it is told when not.
task<bool> session::secure_enough(std::uint8_t sequence) {
  const auto* const offered = process().client_tls;
  if (offered == nullptr || !offered->required() || client_->secure()) co_return true;
  co_return co_await deny(client_error::insecure_transport,
                          "connections without TLS are refused (client_tls.mode)", sequence);
}

// Precondition: the attempt is opened and not logged in. It stays opened, or is unreachable with its problem.
task<> encrypt_link(worker& home, waiter how, link_attempt& attempt, const protocol::handshake_response& as) {
  const auto* const wanted = home.process().server_tls;
  auto& stream = *attempt.link->stream;
  if (wanted == nullptr || stream.secure()) co_return; // nobody listens in on a unix socket
  if (wanted->follows_client() && attempt.for_plain_client) co_return;
  if (!(attempt.hello.server_capabilities & cap::ssl)) {
    if (!wanted->required()) co_return;
    stream.close();
    attempt.what = link_attempt::outcome::unreachable;
    attempt.problem = "TLS is required (server_tls.mode), and the server does not offer it";
    co_return;
  }
  protocol::byte_buffer request;
  auto announced = as;
  announced.client_capabilities |= cap::ssl;
  protocol::append_ssl_request(request, attempt.sequence++, announced);
  auto status = co_await send_all(stream, how, request);
  if (status == io_status::done) {
    stream.add_tls(*wanted, attempt.host);
    status = co_await shake_hands(stream, how);
  }
  if (status == io_status::done) co_return;
  stream.close();
  const auto* const tls = stream.tls();
  attempt.what = link_attempt::outcome::unreachable;
  attempt.problem = fmt::format("TLS: {}", tls != nullptr && !tls->problem().empty() ? tls->problem()
                                           : status == io_status::timed_out          ? "timed out"
                                                                                     : "connection lost");
}

} // namespace holdwater::proxy
