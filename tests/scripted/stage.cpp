#include "tests/scripted/stage.hpp"

#include "protocol/auth.hpp"
#include "proxy/net/ring.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <doctest/doctest.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <cstdlib>

namespace holdwater::proxy::test {
namespace {

// What HOLDWATER_NET_BACKEND says; this kernel may not allow it, which CTest shows as skipped.
const std::string& backend() {
  static const std::string chosen = [] {
    const char* const wanted = std::getenv("HOLDWATER_NET_BACKEND");
    const std::string name = wanted ? wanted : "epoll";
    const auto problem = name == "io_uring" ? ring::why_not() : std::string();
    if (problem.empty()) return name;
    std::fprintf(stderr, "skipped: io_uring does not work here: %s\n", problem.c_str());
    std::_Exit(77);
  }();
  return chosen;
}

options settings_for(std::uint16_t server_port, std::chrono::milliseconds handshake_timeout,
                     unsigned pool_max_idle) {
  options made;
  made.server.port = server_port;
  made.accounts = {{std::string(known_user), std::string(password)},
                   {std::string(other_known_user), std::string(password)}};
  made.connection_timeout = patience;
  made.handshake_timeout = handshake_timeout;
  made.retry_delay = patience; // a hold outlasts the script
  made.pool.max_idle = pool_max_idle;
  made.net.backend = backend();
  return made;
}

std::string proof(std::string_view auth_plugin, std::string_view secret, const protocol::challenge& salt) {
  return auth_plugin == protocol::plugin::caching_sha2_password ? protocol::scramble_sha2(secret, salt)
                                                                : protocol::scramble_native(secret, salt);
}

} // namespace

stage::stage(std::string auth_plugin, std::chrono::milliseconds handshake_timeout, bool knows_greeting,
             unsigned pool_max_idle)
    : auth_plugin_(std::move(auth_plugin)),
      settings_(settings_for(server_.port(), handshake_timeout, pool_max_idle)), servers_(settings_),
      watch_(settings_, servers_, board_, nullptr, nullptr), process_{settings_, board_, watch_, profile_,
                                                                      counters_},
      worker_(process_) {
  spdlog::set_level(spdlog::level::err); // a server that is lost on purpose is no news
  if (knows_greeting) profile_.learn_greeting(server_greeting(auth_plugin_));
  profile_.learn_collations({{45, {"utf8mb4_general_ci", "utf8mb4", true}}});
  board_.on_change([this](server_view) {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
  });
  board_.publish(server_state::up);
}

stage::~stage() {
  server_.close(); // a session may be waiting for the greeting of a connection that the script did not accept
  worker_.stop();
}

void stage::wait_for(server_state wanted) {
  std::unique_lock lock(mutex_);
  REQUIRE_MESSAGE(changed_.wait_for(lock, patience, [&] { return state() == wanted; }), "the state is still ",
                  name_of(state()));
}

peer stage::connect() {
  auto client = peer::connect(proxy_.port());
  if (!std::exchange(started_, true)) worker_.start(); // with the settings that the test has made
  counters_.connected_remote.fetch_add(1);
  worker_.adopt(proxy_.accept());
  return client;
}

protocol::greeting stage::greet(peer& client, const std::string& user, const std::string& secret,
                                const std::string& database) {
  const auto got = client.read_packet();
  REQUIRE(got.sequence == 0);
  const auto hello = protocol::parse_greeting(got.payload);
  REQUIRE(hello.has_value());
  protocol::byte_buffer out;
  auto response = response_to(*hello, user, secret, database);
  if (client_is_told_) response.client_capabilities |= protocol::cap::session_track;
  if (keeps_files_) response.client_capabilities &= ~protocol::cap::local_files;
  protocol::append_handshake_response(out, 1, response);
  client.send(out);
  return *hello;
}

protocol::handshake_response stage::response_to(const protocol::greeting& hello, const std::string& user,
                                                const std::string& secret, const std::string& database) {
  protocol::handshake_response response;
  response.client_capabilities = client_capabilities();
  if (database.empty()) response.client_capabilities &= ~protocol::cap::connect_with_db;
  response.max_packet_size = 1 << 24;
  response.collation = 45;
  response.user = user;
  response.database = database;
  response.auth_plugin = hello.auth_plugin;
  response.auth_response = proof(hello.auth_plugin, secret, hello.salt);
  return response;
}

stage::pair stage::log_in(const std::string& database) {
  pair ends;
  ends.client = connect();
  greet(ends.client, std::string(known_user), std::string(password), database);
  std::uint8_t sequence = 2;
  if (auth_plugin_ == protocol::plugin::caching_sha2_password)
    ends.client.expect(sequence++, protocol::byte_buffer{0x01, 0x03});
  ends.server = accept();
  const auto login = serve_login(ends.server);
  REQUIRE(login.database == database);
  ends.client.expect(sequence, ok());
  return ends;
}

peer stage::accept_silently() {
  return peer(server_.accept());
}

peer stage::accept(protocol::capabilities without) {
  auto server = accept_silently();
  protocol::byte_buffer out;
  auto hello = server_greeting(auth_plugin_);
  hello.server_capabilities &= ~without;
  protocol::append_greeting(out, 0, hello);
  server.send(out);
  return server;
}

protocol::handshake_response stage::accept_login(peer& server) {
  const auto got = server.read_packet();
  REQUIRE(got.sequence == 1);
  auto response = protocol::parse_handshake_response(got.payload);
  REQUIRE(response.has_value());
  const auto expected = proof(auth_plugin_, password, server_greeting(auth_plugin_).salt);
  REQUIRE(response->auth_plugin == auth_plugin_);
  REQUIRE(response->auth_response == expected);
  return *response;
}

protocol::handshake_response stage::serve_login(peer& server) {
  auto response = accept_login(server);
  server.send_packet(2, ok());
  return response;
}

protocol::byte_buffer stage::change_user(std::string user, std::string auth_response, std::string database) {
  protocol::change_user asked;
  asked.user = std::move(user);
  asked.auth_response = std::move(auth_response);
  asked.database = std::move(database);
  asked.collation = 45;
  asked.auth_plugin = "mysql_native_password";
  protocol::byte_buffer out;
  protocol::append_change_user(out, 0, asked, client_capabilities());
  return out;
}

void stage::exchange(pair& ends, protocol::byte_span command, protocol::byte_span answer) {
  ends.client.send_packet(0, command);
  ends.server.expect(0, command);
  ends.server.send(answer);
  ends.client.expect_bytes(answer);
}

void stage::exchange_ok(pair& ends, std::string_view statement, std::uint16_t status) {
  protocol::byte_buffer answer;
  protocol::append_message(answer, 1, ok(status));
  exchange(ends, query(statement), answer);
}

} // namespace holdwater::proxy::test
