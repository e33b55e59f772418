// The connection phase: the greeting (the server's own, remembered), and the two ways in. A known account is
// authenticated here, with or without the server. Any other is relayed (relay_login.cpp).
//
// A plain proxy without a pool asks the server for a greeting for each client, before it greets: then client
// and server have the same challenge, as on a direct connection.
#include "proxy/server/monitor.hpp"
#include "proxy/server/server_profile.hpp"
#include "proxy/server/state_board.hpp"
#include "proxy/session/session.hpp"

#include "protocol/auth.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

namespace holdwater::proxy {

using protocol::byte_buffer;
namespace cap = protocol::cap;

namespace {
constexpr std::size_t largest_login_packet = 64UL * 1024;

// Whoever guesses passwords here is not seen by the server's own limits, so it is told where people and their
// tools look: in the log, once a second at most, so that guessing does not fill the disk.
void tell_of_wrong_password(const std::string& user, const std::string& address) {
  static std::atomic<std::int64_t> told_at{-1};
  static std::atomic<std::uint64_t> untold{0};
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count();
  auto last = told_at.load(std::memory_order_relaxed);
  if (last == now || !told_at.compare_exchange_strong(last, now, std::memory_order_relaxed)) {
    untold.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  spdlog::warn("wrong password for '{}' from {} ({} more since this was last told)", user, address,
               untold.exchange(0, std::memory_order_relaxed));
}

bool means_no_room(const link_attempt& attempt) {
  const auto error = protocol::parse_err(attempt.refusal, cap::protocol_41);
  return error && error->number == 1040;
}
} // namespace

task<bool> session::log_in() {
  entry how = entry::gone;
  const bool expected = co_await meet_for_client();
  if (expected) how = co_await come_in();
  limit_.clear();
  client_->received().forget_consumed(); // a relayed client may have shown its password
  if (greeted_) co_await leave_unused();
  co_return how == entry::entered;
}

// Whether each client is greeted by the server itself. With a spool it must be greeted without the server
// too, a pooled connection has greeted another one, and the PROXY header that the server wants comes first.
bool session::server_greets() {
  const auto& settings = process().settings;
  return !settings.spool.enabled && settings.pool.max_idle == 0 && settings.server.proxy_protocol == "off" &&
         process().board.view().state == server_state::up;
}

// Opens the client's server connection before the client is greeted, where that is the way. False when the
// server wants no further client, who is told so.
task<bool> session::meet_for_client() {
  if (!server_greets()) co_return true;
  auto attempt = co_await open_link(home_, wake_);
  if (attempt.what == link_attempt::outcome::opened) {
    greeted_ = std::move(attempt);
    co_return true;
  }
  if (attempt.what == link_attempt::outcome::unreachable) {
    process().watch.report(attempt.problem);
    co_return true; // the login finds out what is to be done then
  }
  byte_buffer out;
  protocol::append_message(out, 0, attempt.refusal);
  co_await answer(out);
  co_return false;
}

// A server connection for this client that is not logged in yet: the one whose greeting it has, if there is
// one and it is still good.
task<link_attempt> session::own_link() {
  auto mine = std::exchange(greeted_, std::nullopt);
  if (mine && !is_good(*mine)) {
    mine->link->stream->close();
    mine.reset();
  }
  if (!mine) {
    auto fresh = co_await open_link(home_, wake_, &client_end_);
    mine = std::move(fresh);
  }
  mine->for_plain_client = client_->tls() == nullptr;
  mine->client_compression = client_compression_;
  co_return std::move(*mine);
}

// Of a connection that waits for its login: it is of the present, and the server has not hung up.
bool session::is_good(link_attempt& waiting) {
  auto& stream = *waiting.link->stream;
  return waiting.link->outage == process().board.view().outage &&
         (!stream.maybe_readable() || stream.receive() == transport::status::blocked);
}

// The client did not come in. One that connects and leaves without a login counts against its host on the
// server (max_connect_errors), and to the server all hosts are this one.
task<> session::leave_unused() {
  auto attempt = std::move(*greeted_);
  greeted_.reset();
  if (!stopping_) co_await visit(home_, wake_, attempt);
}

task<session::entry> session::come_in() {
  home_.deadlines().set(limit_, process().settings.handshake_timeout);
  if (!process().profile.knows_greeting()) {
    const bool met = co_await meet_server();
    if (!met) {
      co_await deny(client_error::no_greeting, "the server was never met, so its greeting is not known", 0);
      co_return entry::refused;
    }
  }
  const auto salt = protocol::make_challenge();
  if (!salt) co_return entry::gone;
  salt_ = greeted_ ? greeted_->hello.salt : *salt;
  auto hello = greeted_ ? greeted_->hello : process().profile.get()->hello;
  hello.connection_id = connection_id_;
  hello.salt = salt_;
  hello.server_capabilities = (hello.server_capabilities & supported_capabilities()) | own_offers(hello);
  byte_buffer out;
  protocol::append_greeting(out, 0, hello);
  if (co_await send_all(*client_, {wake_, &limit_}, out) != io_status::done) co_return entry::gone;
  const bool welcome = co_await take_proxy_header();
  if (!welcome) co_return entry::gone;

  message response;
  if (co_await read_message(*client_, {wake_, &limit_}, largest_login_packet, response) != io_status::done)
    co_return entry::gone;
  if (protocol::is_ssl_request(response.payload)) {
    const bool encrypted = co_await encrypt_client(static_cast<std::uint8_t>(response.sequence + 1));
    if (!encrypted) co_return entry::gone;
    if (co_await read_message(*client_, {wake_, &limit_}, largest_login_packet, response) != io_status::done)
      co_return entry::gone;
  }
  const auto sequence = static_cast<std::uint8_t>(response.sequence + 1);
  auto parsed = protocol::parse_handshake_response(response.payload);
  if (!parsed) {
    co_await deny(client_error::bad_handshake, "the handshake response cannot be read", sequence);
    co_return entry::refused;
  }
  login_ = std::move(*parsed);
  const bool secure = co_await secure_enough(sequence);
  if (!secure) co_return entry::gone;
  negotiated_ = login_.client_capabilities & hello.server_capabilities & supported_capabilities();
  const bool agreed = co_await compressible(hello.server_capabilities, sequence);
  if (!agreed) co_return entry::refused;
  login_.client_capabilities = negotiated_;
  const auto how = co_await enter_account(hello.auth_plugin, sequence);
  if (how == entry::entered) compress_client();
  co_return how;
}

// With login_ as the client gave it. The answer to the client has the sequence id `sequence`.
task<session::entry> session::enter_account(std::string_view offered_plugin, std::uint8_t sequence) {
  known_ = process().find_account(login_.user);
  certificate_proof_.clear();
  process().connections->name(*record_, login_.user, client_address());
  entry how = entry::gone;
  if (!known_) {
    if (link_) say_goodbye(*link_); // COM_CHANGE_USER brings its own, which a relayed login does not need
    link_.reset();
    how = co_await relay_login(sequence);
    if (how != entry::entered) link_.reset();
  } else {
    how = co_await authenticate(offered_plugin, sequence);
    if (how == entry::entered) how = co_await open_session();
  }
  limit_.clear();
  hold_limit_.clear();
  held_ = false;
  protocol::wipe(login_.auth_response); // with some plugins it is the password
  if (how != entry::entered) process().counters.logins_failed.fetch_add(1, std::memory_order_relaxed);
  co_return how;
}

// Nobody has met the server yet: meets it, so that there is a greeting to pass on.
task<bool> session::meet_server() {
  co_await hold_while(&session::server_is_suspect);
  hold_limit_.clear();
  held_ = false;
  co_await learn_greeting(home_, wake_);
  co_return process().profile.knows_greeting();
}

task<session::entry> session::authenticate(std::string_view offered_plugin, std::uint8_t sequence) {
  protocol::authenticator check(known_->password, std::string(offered_plugin), salt_, client_->secure(),
                                known_->plugin, process().password_key);
  bool with_password = !login_.auth_response.empty();
  auto step = check.start(login_.auth_plugin, protocol::as_bytes(login_.auth_response));
  for (;;) {
    byte_buffer out;
    if (!check.reply().empty() && step != protocol::authenticator::step::fail)
      sequence = protocol::append_message(out, sequence, check.reply());
    const auto sent = co_await send_all(*client_, {wake_, &limit_}, out); // nothing is sent at once
    if (sent != io_status::done) co_return entry::gone;
    if (step == protocol::authenticator::step::succeed) break;
    if (step == protocol::authenticator::step::fail) {
      tell_of_wrong_password(login_.user, client_address());
      const bool refused = co_await refuse_by_server(with_password, sequence);
      const auto text = denied_text(login_.user, client_address(), with_password);
      if (!refused) co_await deny(client_error::access_denied, text, sequence);
      co_return entry::refused;
    }
    message answer;
    if (co_await read_message(*client_, {wake_, &limit_}, largest_login_packet, answer) != io_status::done)
      co_return entry::gone;
    with_password = !answer.payload.empty();
    sequence = static_cast<std::uint8_t>(answer.sequence + 1);
    step = check.feed(answer.payload);
    protocol::wipe(answer.payload); // it may be the password
    client_->received().forget_consumed();
  }
  login_sequence_ = sequence;
  salt_ = check.lasting_salt();
  if (proves_certificate()) certificate_proof_ = check.proof_of(process().client_tls->fingerprint());
  co_return entry::entered;
}

// The account is proved. While the server is there, its own OK (or ERR, say for an unknown database) is the
// answer.
task<session::entry> session::open_session() {
  const auto began = std::chrono::steady_clock::now();
  state_.begin(login_, process().profile.get());
  limit_.clear();
  bool no_room = false; // the server has no connection left
  for (;;) {
    const auto now = process().board.view();
    if (now.state == server_state::suspect && !now.reads && !held_out()) {
      co_await hold_while(&session::server_is_suspect);
      if (client_->closed() || stopping_) co_return entry::gone;
      continue;
    }
    byte_buffer out;
    if (!now.answers() || no_room) {
      leave_server();
      append_login_ok(out, login_sequence_, {});
      const bool told = co_await answer(out);
      co_return told ? entry::entered : entry::gone;
    }
    auto attempt = co_await reach_server(login_);
    switch (attempt.what) {
    case link_attempt::outcome::unreachable:
      process().watch.report(attempt.problem);
      if (co_await retry_later() != verdict::decide_again) co_return entry::gone;
      continue;
    case link_attempt::outcome::refused:
      if (process().writes && means_no_room(attempt) && !attempt.ours) {
        no_room = now.state == server_state::down; // where it may be served without
        if (!no_room) process().watch.ask_for_check();
        if (!no_room && !held_out() && co_await retry_later() != verdict::decide_again) co_return entry::gone;
        if (no_room || !held_out()) continue;
      }
      add_sql_state(attempt.refusal);
      protocol::append_message(out, login_sequence_, attempt.refusal);
      co_await answer(out);
      co_return entry::refused;
    case link_attempt::outcome::opened: break;
    }
    if (!fits(*attempt.link)) {
      attempt.link->stream->close();
      co_await deny(client_error::bad_handshake, "the server has changed its capabilities; connect again",
                    login_sequence_);
      co_return entry::refused;
    }
    link_ = std::move(attempt.link);
    state_.took_defaults(link_->start.unsaid() ? began : std::min(began, link_->fresh_since));
    append_login_ok(out, login_sequence_, attempt.ok);
    const bool told = co_await answer(out);
    co_return told ? entry::entered : entry::gone;
  }
}

// What passes between client and server is not re-encoded, so both sides must have agreed on the same. Only
// what the server tells of the session is kept from a client that did not ask.
bool session::fits(const server_link& link) const {
  // What does not change how an answer reads, and COM_SET_OPTION changes.
  constexpr auto aside = cap::connect_with_db | cap::multi_statements;
  const auto hidden = link.negotiated & cap::session_track;
  return (link.negotiated | aside) == (negotiated_ | aside | hidden);
}

bool session::hides_changes() const {
  return (link_->negotiated & ~negotiated_ & cap::session_track) != 0;
}

task<bool> session::deny(client_error which, std::string_view text, std::uint8_t sequence) {
  byte_buffer out;
  append_client_error(out, sequence, which, text, sequence == 0 ? 0 : negotiated_ | cap::protocol_41);
  co_await send_all(*client_, {wake_, &limit_}, out);
  co_return false;
}

} // namespace holdwater::proxy
