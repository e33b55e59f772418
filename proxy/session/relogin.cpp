#include "proxy/session/relogin.hpp"

#include "proxy/session/server_pool.hpp"

#include "protocol/auth.hpp"

namespace holdwater::proxy {
namespace {

// How long the servers wait before they refuse a COM_CHANGE_USER.
constexpr std::chrono::seconds pause_of_a_refusal{1};

} // namespace

void remember_login(link_attempt& attempt, const protocol::handshake_response& as, server_moment asked) {
  auto& link = *attempt.link;
  link.login = asked;
  link.fresh_since = asked.at;
  link.user = as.user;
  link.database = as.database;
  link.collation = as.collation;
  link.attributes = as.attributes;
  link.login_ok = attempt.ok;
  link.needs_login = false;
}

protocol::handshake_response login_of(const server_link& link) {
  protocol::handshake_response login;
  login.client_capabilities = link.negotiated;
  login.max_packet_size = link.max_packet_size;
  login.collation = link.collation;
  login.user = link.user;
  login.database = link.database;
  login.attributes = link.attributes;
  return login;
}

task<> change_login(worker& home, wakeup& wake, link_attempt& attempt, const protocol::handshake_response& as,
                    const std::string& password) {
  auto& link = *attempt.link;
  const bool settled = co_await settle(home, wake, link);
  if (!settled) {
    attempt.what = link_attempt::outcome::unreachable;
    attempt.problem = "login: connection lost";
    link.stream->close();
    co_return;
  }
  deadline limit(wake);
  home.deadlines().set(limit, home.process().settings.connection_timeout + pause_of_a_refusal);
  const waiter how{wake, &limit};
  const auto asked = home.pool().now();
  protocol::greeting hello;
  hello.auth_plugin = link.plugin;
  hello.salt = link.salt;
  protocol::auth_client client(password, link.stream->secure());
  client.start(hello);

  protocol::change_user request;
  request.user = as.user;
  request.auth_response.assign(protocol::as_text(client.reply()));
  request.database = as.database;
  request.collation = as.collation;
  request.auth_plugin = client.plugin();
  request.attributes = as.attributes;
  protocol::byte_buffer out;
  protocol::append_change_user(out, 0, request, link.negotiated);
  co_await prove(how, attempt, client, out);
  if (attempt.what == link_attempt::outcome::opened) remember_login(attempt, as, asked);
}

} // namespace holdwater::proxy
