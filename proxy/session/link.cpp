#include "proxy/session/link.hpp"

#include "protocol/command.hpp"
#include "protocol/messages.hpp"
#include "proxy/server/monitor.hpp"
#include "proxy/server/server_profile.hpp"
#include "proxy/server/state_board.hpp"
#include "proxy/session/relogin.hpp"
#include "proxy/session/server_pool.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace holdwater::proxy {

using protocol::byte_buffer;
namespace cap = protocol::cap;
using tcp = asio::ip::tcp;

namespace {

constexpr std::size_t largest_login_packet = 64UL * 1024;
constexpr std::size_t largest_own_answer = 1 << 20;

std::string describe(io_status status) {
  return status == io_status::timed_out   ? "timed out"
         : status == io_status::too_large ? "too large"
                                          : "connection lost";
}

// Gives the attempt's link its stream, or the attempt its problem. Asio has this coroutine's variables in its
// hands until its last handler has run, so nothing else that wakes it ends it.
task<> connect(worker& home, wakeup& wake, const server_place& place, link_attempt& attempt) {
  const event_loop::asio_user using_asio(home.loop());
  stream_socket socket(home.loop().context());
  tcp::resolver resolver(home.loop().context());
  asio::steady_timer timer(home.loop().context(), attempt.within);
  unsigned pending = 0;
  const auto ends = [&] {
    --pending;
    wake.notify();
  };
  bool late = false;
  ++pending;
  timer.async_wait([&](boost::system::error_code cancelled) {
    if (!cancelled) { // the socket is closed, which ends whatever Asio waits for
      late = true;
      resolver.cancel();
      boost::system::error_code ignored; // the pending connect reports what matters
      socket.close(ignored);
    }
    ends();
  });
  boost::system::error_code failed;
  std::vector<stream_protocol::endpoint> addresses;
  if (!place.socket.empty()) {
    addresses.emplace_back(asio::local::stream_protocol::endpoint(place.socket));
  } else {
    bool resolved = false;
    ++pending;
    resolver.async_resolve(place.host, std::to_string(place.port),
                           [&](boost::system::error_code error, const tcp::resolver::results_type& found) {
                             failed = error;
                             for (const auto& one : found) addresses.emplace_back(one.endpoint());
                             resolved = true;
                             ends();
                           });
    while (!resolved) co_await wake.wait();
  }
  if (!failed && !late) {
    bool connected = false;
    ++pending;
    asio::async_connect(socket, addresses, [&](boost::system::error_code error, const auto&) {
      failed = error;
      connected = true;
      ends();
    });
    while (!connected) co_await wake.wait();
  }
  timer.cancel();
  while (pending > 0) co_await wake.wait();
  if (failed || late) {
    attempt.problem = fmt::format("connect: {}", late ? "timed out" : failed.message());
    co_return;
  }
  set_keepalive(socket.native_handle(), home.process().settings.tcp_keepalive);
  attempt.link->stream = std::make_shared<transport>(home.loop().sockets(), socket.release(), wake);
}

// The first bytes of a fresh connection. When they cannot be sent, no greeting will come either.
task<> announce_client(worker& home, waiter how, link_attempt& attempt,
                       const protocol::proxy_header& client) {
  const auto& wanted = home.process().settings.server.proxy_protocol;
  if (wanted == "off") co_return;
  byte_buffer header;
  const auto version = wanted == "v1" ? protocol::proxy_version::v1 : protocol::proxy_version::v2;
  protocol::append_proxy_header(header, version, client.source, client.destination);
  co_await send_all(*attempt.link->stream, how, header);
}

// Reads the greeting of a fresh connection into the attempt.
task<> receive_greeting(waiter how, link_attempt& attempt) {
  message hello;
  const auto status = co_await read_message(*attempt.link->stream, how, largest_login_packet, hello);
  if (status != io_status::done) {
    attempt.problem = fmt::format("greeting: {}", describe(status));
    co_return;
  }
  if (!hello.payload.empty() && hello.payload[0] == 0xff) {
    attempt.what = link_attempt::outcome::refused;
    attempt.refusal = std::move(hello.payload);
    co_return;
  }
  const auto parsed = protocol::parse_greeting(hello.payload);
  if (!parsed) {
    attempt.problem = fmt::format("greeting: {}", parsed.error().message());
    co_return;
  }
  attempt.hello = *parsed;
  attempt.link->connection_id = parsed->connection_id;
  attempt.link->salt = parsed->salt;
  attempt.link->plugin = parsed->auth_plugin;
  attempt.what = link_attempt::outcome::opened;
}

// From a connection to the greeting. The link is there when the attempt is opened.
task<> meet(worker& home, wakeup& wake, const server_place& place, const protocol::proxy_header* client,
            link_attempt& attempt) {
  attempt.host = place.host;
  attempt.link.emplace();
  co_await connect(home, wake, place, attempt);
  if (!attempt.link->stream) {
    attempt.link.reset();
    co_return;
  }
  deadline limit(wake);
  home.deadlines().set(limit, attempt.within);
  const waiter how{wake, &limit};
  if (client) co_await announce_client(home, how, attempt, *client);
  co_await receive_greeting(how, attempt);
  if (attempt.what != link_attempt::outcome::opened) attempt.link->stream->close();
}

// A server that nobody has looked at yet gets no client: what it lacks goes before what is new.
task<> ask_whether_the_same(worker& home, wakeup& wake, link_attempt& attempt,
                            const connection_ids::mark& before) {
  auto& watch = home.process().watch;
  const auto said = watch.ids().judge(before, attempt.hello.connection_id, std::chrono::steady_clock::now());
  if (said == connection_ids::verdict::follows) co_return;
  co_await visit(home, wake, attempt);
  attempt.link.reset();
  attempt.what = link_attempt::outcome::unreachable;
  attempt.problem = "greeting: its connection ids have begun anew, so another server may answer than before";
  if (said == connection_ids::verdict::another_server) watch.report_another_server(attempt.problem);
}

} // namespace

protocol::capabilities supported_capabilities() {
  return ~(cap::ssl | protocol::compression_flags | cap::mariadb_com_multi | cap::capability_extension);
}

void server_link::was_reset(std::uint16_t said, std::chrono::steady_clock::time_point at) {
  constexpr auto lasting =
      protocol::server_status::autocommit | protocol::server_status::no_backslash_escapes;
  fresh_since = at;
  protocol::payload_reader in(login_ok);
  static_cast<void>(in.integer(1));
  static_cast<void>(in.lenenc_integer());
  static_cast<void>(in.lenenc_integer());
  const auto status_at = login_ok.size() - in.remaining();
  const auto before = static_cast<std::uint16_t>(in.integer(2));
  if (in.failed()) return;
  const auto status = static_cast<std::uint16_t>((before & ~lasting) | (said & lasting));
  login_ok[status_at] = static_cast<std::uint8_t>(status);
  login_ok[status_at + 1] = static_cast<std::uint8_t>(status >> 8);
}

bool server_link::can_change_user() const {
  constexpr auto needed = cap::protocol_41 | cap::plugin_auth | cap::secure_connection;
  return (negotiated & needed) == needed;
}

bool server_link::serves(const protocol::handshake_response& wanted) const {
  return user == wanted.user && max_packet_size == wanted.max_packet_size &&
         (negotiated | cap::connect_with_db) == (wanted.client_capabilities | cap::connect_with_db);
}

void add_sql_state(byte_buffer& refusal) {
  constexpr std::size_t text_at = 3;
  const auto error = protocol::parse_err(refusal, cap::protocol_41);
  if (!error || !error->sql_state.empty()) return;
  const std::string_view state = error->number == 1040 ? "#08004" : "#HY000";
  refusal.insert(refusal.begin() + text_at, state.begin(), state.end());
}

void say_goodbye(server_link& link) {
  constexpr std::uint8_t goodbye[] = {1, 0, 0, 0, static_cast<std::uint8_t>(protocol::command::quit)};
  protocol::byte_span unsent(goodbye);
  link.stream->send(unsent);
  link.stream->close();
}

task<link_attempt> open_link(worker& home, wakeup& wake, const protocol::proxy_header* client) {
  const auto& settings = home.process().settings;
  auto& counters = home.process().counters;
  const auto outage = home.process().board.view().outage;
  const auto before = home.process().watch.ids().take_mark();
  counters.server_connects.fetch_add(1, std::memory_order_relaxed);

  link_attempt attempt;
  attempt.within = settings.connection_timeout;
  const auto place = home.process().watch.servers().present();
  co_await meet(home, wake, place, client, attempt);
  if (attempt.link) attempt.link->outage = outage;
  if (attempt.what != link_attempt::outcome::opened) {
    counters.server_connects_failed.fetch_add(1, std::memory_order_relaxed);
    co_return attempt;
  }
  attempt.link->record = home.process().connections->open(attempt.hello.connection_id);
  home.process().profile.learn_greeting(attempt.hello);
  if (home.process().writes) co_await ask_whether_the_same(home, wake, attempt, before);
  co_return attempt;
}

task<link_attempt> open_replica_link(worker& home, wakeup& wake, const server_place& place,
                                     const protocol::proxy_header& client) {
  const auto outage = home.process().board.view().outage;
  link_attempt attempt;
  attempt.within = home.process().settings.server.replica_timeout;
  co_await meet(home, wake, place, &client, attempt);
  if (attempt.link) attempt.link->outage = outage;
  co_return attempt;
}

task<> log_in(worker& home, wakeup& wake, link_attempt& attempt, const protocol::handshake_response& as,
              const std::string& password) {
  deadline limit(wake);
  home.deadlines().set(limit, attempt.within);
  const waiter how{wake, &limit};
  auto& link = *attempt.link;
  auto login = as;

  link.negotiated = login.client_capabilities & attempt.hello.server_capabilities & supported_capabilities();
  // One password is all that is known here: a server that wants more factors says so.
  login.client_capabilities = link.negotiated & ~cap::multi_factor_authentication;
  ask_for_compression(login, home.process().settings, attempt);
  co_await encrypt_link(home, how, attempt, login);
  if (attempt.what != link_attempt::outcome::opened) co_return;
  if (link.stream->tls() != nullptr) login.client_capabilities |= cap::ssl;
  protocol::auth_client client(password, link.stream->secure());
  client.start(attempt.hello);
  login.auth_plugin = client.plugin();
  login.auth_response.assign(protocol::as_text(client.reply()));
  if (login.database.empty()) login.client_capabilities &= ~cap::connect_with_db;

  const auto asked = home.pool().now();
  byte_buffer out;
  protocol::append_handshake_response(out, attempt.sequence, login);
  co_await prove(how, attempt, client, out);
  if (attempt.what == link_attempt::outcome::refused) link.stream->close();
  if (attempt.what == link_attempt::outcome::opened) begin_compression(link);
  if (attempt.what == link_attempt::outcome::opened) remember_login(attempt, as, asked);
}

task<> prove(waiter how, link_attempt& attempt, protocol::auth_client& client, byte_buffer& out) {
  auto& link = *attempt.link;
  attempt.what = link_attempt::outcome::unreachable;
  message answer;
  for (;;) {
    auto status = out.empty() ? io_status::done : co_await send_all(*link.stream, how, out);
    if (status == io_status::done)
      status = co_await read_message(*link.stream, how, largest_login_packet, answer);
    if (status != io_status::done) {
      attempt.problem = fmt::format("login: {}", describe(status));
      break;
    }
    const auto next = client.feed(answer.payload);
    if (!next) {
      attempt.problem = fmt::format("login: {}", next.error().message());
      attempt.cannot_prove = true;
      break;
    }
    out.clear();
    if (*next == protocol::auth_client::step::succeed) {
      attempt.what = link_attempt::outcome::opened;
      attempt.ok = std::move(answer.payload);
      co_return;
    }
    if (*next == protocol::auth_client::step::fail) {
      attempt.what = link_attempt::outcome::refused;
      attempt.refusal = std::move(answer.payload);
      co_return;
    }
    if (*next == protocol::auth_client::step::send)
      protocol::append_message(out, static_cast<std::uint8_t>(answer.sequence + 1), client.reply());
  }
  link.stream->close();
}

task<> learn_greeting(worker& home, wakeup& wake) {
  auto attempt = co_await open_link(home, wake);
  if (attempt.what != link_attempt::outcome::opened) {
    spdlog::warn("the server's greeting was not learned: {}", attempt.problem);
    co_return;
  }
  co_await visit(home, wake, attempt);
}

// Leaving without a login would count against this host on the server (max_connect_errors).
task<> visit(worker& home, wakeup& wake, link_attempt& attempt) {
  const auto& accounts = home.process().settings.accounts;
  const auto owner = accounts.empty() ? account{} : accounts.front();
  protocol::handshake_response login;
  login.client_capabilities =
      cap::protocol_41 | cap::secure_connection | cap::plugin_auth | cap::long_password;
  login.max_packet_size = 1 << 24;
  login.collation = attempt.hello.character_set;
  login.user = owner.user;
  co_await log_in(home, wake, attempt, login, owner.password);
  if (attempt.what == link_attempt::outcome::opened) say_goodbye(*attempt.link);
  attempt.link->stream->close();
}

task<own_answer> ask_server(worker& home, wakeup& wake, server_link& link, const std::string& statement,
                            std::chrono::milliseconds within) {
  deadline limit(wake);
  home.deadlines().set(limit, within.count() > 0 ? within : home.process().settings.connection_timeout);
  const waiter how{wake, &limit};
  own_answer answer;

  byte_buffer out;
  append_query(out, link, statement);

  message packet;
  const auto next = [&]() -> task<bool> {
    const auto status = co_await read_message(*link.stream, how, largest_own_answer, packet);
    answer.broken = status != io_status::done || packet.payload.empty();
    co_return !answer.broken;
  };
  const bool settled = co_await settle(home, wake, link);
  auto sent = io_status::closed;
  if (settled) sent = co_await send_all(*link.stream, how, out);
  answer.broken = sent != io_status::done;
  if (answer.broken) co_return answer;
  const bool begun = co_await next();
  if (!begun) co_return answer;
  if (packet.payload[0] == 0xff) {
    const auto error = protocol::parse_err(packet.payload, link.negotiated);
    answer.error = error ? std::string(error->text) : "malformed error";
    co_return answer;
  }
  answer.ok = true;
  if (packet.payload[0] == 0x00) co_return answer;

  // A result set: the definitions end with an EOF, or without one after their announced number.
  protocol::payload_reader count(packet.payload);
  const auto columns = count.lenenc_integer();
  const bool described = !(link.negotiated & cap::optional_resultset_metadata) || count.integer(1) == 1;
  answer.broken = count.failed() || columns == 0; // a request for a file, say
  if (answer.broken) co_return answer;
  const bool has_eof = !(link.negotiated & cap::deprecate_eof);
  for (std::uint64_t skipped = 0; skipped < (described ? columns : 0) + (has_eof ? 1 : 0); ++skipped)
    if (!co_await next()) co_return answer;
  for (;;) {
    if (!co_await next()) co_return answer;
    const bool ends =
        packet.payload[0] == 0xfe && packet.payload.size() < (has_eof ? 9 : protocol::max_packet_payload);
    if (ends || packet.payload[0] == 0xff) co_return answer;
    if (!answer.row.empty()) continue;
    auto row = protocol::parse_text_row(packet.payload, columns);
    answer.broken = row.has_error();
    answer.ok = !answer.broken;
    if (answer.broken) co_return answer;
    answer.row = std::move(*row);
  }
}

} // namespace holdwater::proxy
