// The connection phase: the greeting (the server's own, remembered), and the two ways in. A known account is
// authenticated here, with or without the server. Any other is relayed: the server's request for a proof,
// with its challenge, goes to the client, and the client's proof goes back, so that no secret is needed.
#include "proxy/server/monitor.hpp"
#include "proxy/server/server_profile.hpp"
#include "proxy/server/state_board.hpp"
#include "proxy/session/session.hpp"

#include "protocol/auth.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace holdwater::proxy {

using protocol::byte_buffer;
namespace cap = protocol::cap;

namespace {

constexpr std::size_t largest_login_packet = 64 * 1024;

constexpr std::string_view nobodys_plugin = "holdwater_relay";

std::string denied_text(const std::string& user, const std::string& host, bool with_password) {
  return fmt::format("Access denied for user '{}'@'{}' (using password: {})", user, host,
                     with_password ? "YES" : "NO");
}

} // namespace

task<bool> session::log_in() {
  home_.deadlines().set(limit_, process().settings.handshake_timeout);
  if (!process().profile.knows_greeting()) {
    const bool met = co_await meet_server();
    if (!met)
      co_return co_await deny(client_error::no_greeting,
                              "the server was never met, so its greeting is not known", 0);
  }
  const auto profile = process().profile.get();

  const auto salt = protocol::make_challenge();
  if (!salt) co_return false;
  salt_ = *salt;
  auto hello = profile->hello;
  hello.connection_id = connection_id_;
  hello.salt = salt_;
  hello.server_capabilities = (hello.server_capabilities & supported_capabilities()) | own_offers();
  byte_buffer out;
  protocol::append_greeting(out, 0, hello);
  if (co_await send_all(*client_, {wake_, &limit_}, out) != io_status::done) co_return false;
  const bool welcome = co_await take_proxy_header();
  if (!welcome) co_return false;

  message response;
  if (co_await read_message(*client_, {wake_, &limit_}, largest_login_packet, response) != io_status::done)
    co_return false;
  if (protocol::is_ssl_request(response.payload)) {
    const bool encrypted = co_await encrypt_client(static_cast<std::uint8_t>(response.sequence + 1));
    if (!encrypted) co_return false;
    if (co_await read_message(*client_, {wake_, &limit_}, largest_login_packet, response) != io_status::done)
      co_return false;
  }
  const auto sequence = static_cast<std::uint8_t>(response.sequence + 1);
  auto parsed = protocol::parse_handshake_response(response.payload);
  if (!parsed)
    co_return co_await deny(client_error::bad_handshake, "the handshake response cannot be read", sequence);
  login_ = std::move(*parsed);
  const bool secure = co_await secure_enough(sequence);
  if (!secure) co_return false;
  negotiated_ = login_.client_capabilities & hello.server_capabilities & supported_capabilities();
  login_.client_capabilities = negotiated_;
  co_return co_await enter_account(hello.auth_plugin, sequence);
}

// With login_ as the client gave it. The answer to the client has the sequence id `sequence`.
task<bool> session::enter_account(std::string_view offered_plugin, std::uint8_t sequence) {
  known_ = process().find_account(login_.user);
  process().connections->name(*record_, login_.user);
  bool entered = false;
  if (!known_) {
    if (link_) say_goodbye(*link_); // COM_CHANGE_USER brings its own, which a relayed login does not need
    link_.reset();
    entered = co_await relay_login(sequence);
  } else {
    entered = co_await authenticate(offered_plugin, sequence);
    if (entered) entered = co_await open_session();
  }
  limit_.clear();
  hold_limit_.clear();
  held_ = false;
  if (!entered) process().counters.logins_failed.fetch_add(1, std::memory_order_relaxed);
  co_return entered;
}

// Nobody has met the server yet: meets it, so that there is a greeting to pass on.
task<bool> session::meet_server() {
  co_await hold_while(&session::server_is_suspect);
  hold_limit_.clear();
  held_ = false;
  co_await learn_greeting(home_, wake_);
  co_return process().profile.knows_greeting();
}

task<bool> session::authenticate(std::string_view offered_plugin, std::uint8_t sequence) {
  protocol::authenticator check(known_->password, std::string(offered_plugin), salt_, client_->secure(),
                                known_->plugin, process().password_key);
  const bool with_password = !login_.auth_response.empty();
  auto step = check.start(login_.auth_plugin, protocol::as_bytes(login_.auth_response));
  for (;;) {
    byte_buffer out;
    if (!check.reply().empty() && step != protocol::authenticator::step::fail)
      sequence = protocol::append_message(out, sequence, check.reply());
    const auto sent = co_await send_all(*client_, {wake_, &limit_}, out); // nothing is sent at once
    if (sent != io_status::done) co_return false;
    if (step == protocol::authenticator::step::succeed) break;
    if (step == protocol::authenticator::step::fail) {
      const auto text = denied_text(login_.user, client_address(), with_password);
      co_return co_await deny(client_error::access_denied, text, sequence);
    }
    message answer;
    if (co_await read_message(*client_, {wake_, &limit_}, largest_login_packet, answer) != io_status::done)
      co_return false;
    sequence = static_cast<std::uint8_t>(answer.sequence + 1);
    step = check.feed(answer.payload);
  }
  login_sequence_ = sequence;
  salt_ = check.lasting_salt();
  co_return true;
}

// The account is proved. While the server is there, its own OK (or ERR, say for an unknown database) is the
// answer.
task<bool> session::open_session() {
  state_.begin(login_, process().profile.get());
  limit_.clear();
  for (;;) {
    const auto state = process().board.view().state;
    if (state == server_state::suspect && !held_out()) {
      co_await hold_while(&session::server_is_suspect);
      if (client_->closed() || stopping_) co_return false;
      continue;
    }
    byte_buffer out;
    if (state == server_state::down || state == server_state::suspect) {
      leave_server();
      protocol::append_ok(out, login_sequence_, {.status = state_.status}, negotiated_);
      co_return co_await answer(out);
    }
    auto attempt = co_await reach_server(login_);
    switch (attempt.what) {
    case link_attempt::outcome::unreachable:
      process().watch.report(attempt.problem);
      if (co_await retry_later() != verdict::decide_again) co_return false;
      continue;
    case link_attempt::outcome::refused:
      protocol::append_message(out, login_sequence_, attempt.refusal);
      co_await answer(out);
      co_return false;
    case link_attempt::outcome::opened: break;
    }
    if (!fits(*attempt.link)) {
      attempt.link->stream->close();
      co_return co_await deny(client_error::bad_handshake,
                              "the server has changed its capabilities; connect again", login_sequence_);
    }
    link_ = std::move(attempt.link);
    if (const auto ok = protocol::parse_ok(attempt.ok, negotiated_)) state_.status = ok->status;
    protocol::append_message(out, login_sequence_, attempt.ok);
    co_return co_await answer(out);
  }
}

// What passes between client and server is not re-encoded, so both sides must have agreed on the same.
bool session::fits(const server_link& link) const {
  // What does not change how an answer reads, and COM_SET_OPTION changes.
  constexpr auto aside = cap::connect_with_db | cap::multi_statements;
  return (link.negotiated | aside) == (negotiated_ | aside);
}

// ----------------------------------------------------------------------------------------------------
// relayed accounts

task<bool> session::relay_login(std::uint8_t sequence) {
  co_await hold_while(&session::server_is_suspect);
  const auto state = process().board.view().state;
  if (state == server_state::down || state == server_state::suspect) {
    const auto text =
        fmt::format("the server is down, and the account '{}' is not configured here, so it cannot log in "
                    "without the server",
                    login_.user);
    co_return co_await deny(client_error::account_not_known, text, sequence);
  }
  if (!(negotiated_ & cap::plugin_auth))
    co_return co_await deny(client_error::bad_handshake,
                            "this account is relayed, which needs a client with CLIENT_PLUGIN_AUTH",
                            sequence);

  auto attempt = co_await open_link(home_, wake_, &client_end_);
  if (attempt.what == link_attempt::outcome::unreachable) {
    process().watch.report(attempt.problem);
    co_return co_await deny(client_error::needs_server, "the server cannot be reached", sequence);
  }
  if (attempt.what == link_attempt::outcome::refused) {
    byte_buffer out;
    protocol::append_message(out, sequence, attempt.refusal);
    co_await answer(out);
    co_return false;
  }
  attempt.link->negotiated = negotiated_ & attempt.hello.server_capabilities;
  if (!fits(*attempt.link)) {
    attempt.link->stream->close();
    co_return co_await deny(client_error::bad_handshake,
                            "the server has changed its capabilities; connect again", sequence);
  }

  const waiter how{wake_, &limit_};
  co_await encrypt_link(home_, how, attempt, login_);
  if (attempt.what != link_attempt::outcome::opened) {
    process().watch.report(attempt.problem);
    co_return co_await deny(client_error::needs_server, "the server cannot be reached", sequence);
  }
  link_ = std::move(attempt.link);
  process().connections->hold(*record_, link_->record);

  // A plugin that no account has makes the server ask for the account's own at once: many clients follow one
  // switch and no second one.
  auto login = login_;
  login.auth_plugin = nobodys_plugin;
  login.auth_response.clear();
  if (link_->stream->tls() != nullptr) login.client_capabilities |= cap::ssl;
  byte_buffer out;
  protocol::append_handshake_response(out, attempt.sequence, login);
  if (co_await send_all(*link_->stream, {wake_, &limit_}, out) != io_status::done) co_return false;
  relayed_login conversation{attempt.hello.auth_plugin, std::string(protocol::as_text(attempt.hello.salt)),
                             sequence};
  co_return co_await relay_authentication(conversation);
}

// A later COM_CHANGE_USER answers the last challenge that came for this plugin.
void session::keep_lasting_salt(protocol::byte_span auth_switch) {
  const auto asked = protocol::parse_auth_switch(auth_switch);
  if (!asked || asked->plugin != protocol::plugin::mysql_native_password) return;
  const auto salt = protocol::as_bytes(asked->data);
  if (salt.size() >= salt_.size()) std::copy_n(salt.begin(), salt_.size(), salt_.begin());
}

// Packets go both ways as they come, each side with its own sequence ids, until the server says OK or ERR.
task<bool> session::relay_authentication(relayed_login& login) {
  std::uint8_t server_sequence = 0;
  auto& client_sequence = login.client_sequence;
  for (;;) {
    message packet;
    byte_buffer out;
    if (link_->stream->received().empty() && !link_->stream->maybe_readable() &&
        !client_->received().empty()) {
      if (co_await read_message(*client_, {wake_, &limit_}, largest_login_packet, packet) != io_status::done)
        co_return false;
      client_sequence = static_cast<std::uint8_t>(packet.sequence + 1);
      protocol::append_message(out, server_sequence, packet.payload);
      if (co_await send_all(*link_->stream, {wake_, &limit_}, out) != io_status::done) co_return false;
      continue;
    }
    const auto got = link_->stream->maybe_readable() ? link_->stream->receive() : transport::status::blocked;
    if (got == transport::status::closed && link_->stream->received().empty()) co_return false;
    if (link_->stream->received().empty()) {
      if (client_->maybe_readable() && client_->receive() == transport::status::closed) co_return false;
      if (!client_->received().empty()) continue;
      client_->arm_receive();
      link_->stream->arm_receive();
      co_await wake_.wait();
      if (limit_.expired() || stopping_) co_return false;
      continue;
    }
    if (co_await read_message(*link_->stream, {wake_, &limit_}, largest_login_packet, packet) !=
        io_status::done)
      co_return false;
    server_sequence = static_cast<std::uint8_t>(packet.sequence + 1);
    const auto first = packet.payload.empty() ? 0xff : packet.payload[0];
    if (first == 0x00 && link_->stream->is_local()) {
      const bool proved = co_await proved_by_client();
      const auto text = denied_text(login_.user, client_address(), true);
      if (!proved) co_return co_await deny(client_error::access_denied, text, client_sequence);
    }
    if (first == 0xfe || first == 0x02) {
      const bool followed = co_await follow_switch(login, packet.payload);
      if (!followed) co_return false;
    }
    if (first == 0xfe && packet.payload.size() == 1) // the old password, under the greeting's challenge
      protocol::append_auth_switch(out, client_sequence++, {"mysql_old_password", login.salt + '\0'});
    else
      client_sequence = protocol::append_message(out, client_sequence, packet.payload);
    if (first == 0xfe) keep_lasting_salt(packet.payload);
    const auto sent = co_await send_all(*client_, {wake_, &limit_}, out);
    if (sent != io_status::done || first == 0xff) co_return false;
    if (must_carry_password(login, packet.payload)) {
      const bool carried = co_await carry_password(login, server_sequence);
      if (!carried) co_return false;
    }
    if (first != 0x00) continue;
    state_.begin(login_, process().profile.get());
    if (const auto ok = protocol::parse_ok(packet.payload, negotiated_)) state_.status = ok->status;
    co_return true;
  }
}

task<bool> session::deny(client_error which, std::string_view text, std::uint8_t sequence) {
  byte_buffer out;
  append_client_error(out, sequence, which, text, sequence == 0 ? 0 : negotiated_ | cap::protocol_41);
  co_await send_all(*client_, {wake_, &limit_}, out);
  co_return false;
}

// COM_CHANGE_USER from one relayed account to another: the same server connection changes too. The client's
// answer is to the challenge that this very connection once gave it, so another connection would not take it.
task<session::verdict> session::relay_change_user(const byte_buffer& command) {
  state_.begin(login_, process().profile.get());
  transaction_lost_ = false;
  last_spooled_ = 0;
  home_.deadlines().set(limit_, process().settings.handshake_timeout);
  byte_buffer out;
  protocol::append_message(out, 0, command);
  bool entered = co_await send_to_server(out);
  home_.deadlines().set(limit_, process().settings.handshake_timeout);
  relayed_login conversation{login_.auth_plugin, std::string(protocol::as_text(salt_)), 1};
  if (entered) entered = co_await relay_authentication(conversation);
  limit_.clear();
  co_return entered ? verdict::next_command : verdict::end_session;
}

// COM_CHANGE_USER: a login over the same client connection, and over the same server connection where the
// account is known before and after. What was open in it is rolled back.
task<session::verdict> session::change_user() {
  const auto asked = protocol::parse_change_user(command_.payload, negotiated_);
  const auto sequence = static_cast<std::uint8_t>(command_.sequence + 1);
  const byte_buffer whole(command_.payload.begin(), command_.payload.end());
  client_->received().consume(command_.wire_size);
  command_.wire_size = 0;
  if (!asked) {
    co_await deny(client_error::malformed_packet, "COM_CHANGE_USER cannot be read", sequence);
    co_return verdict::end_session;
  }
  login_.user = asked->user;
  login_.auth_response = asked->auth_response;
  login_.auth_plugin = asked->auth_plugin;
  login_.database = asked->database;
  login_.collation = asked->collation;
  login_.attributes = asked->attributes;
  login_.client_capabilities =
      login_.database.empty() ? negotiated_ & ~cap::connect_with_db : negotiated_ | cap::connect_with_db;
  if (link_ && !known_ && !process().find_account(login_.user)) co_return co_await relay_change_user(whole);
  state_.begin(login_, process().profile.get());
  transaction_lost_ = false;
  last_spooled_ = 0;
  home_.deadlines().set(limit_, process().settings.handshake_timeout);
  const auto profile = process().profile.get();
  co_return co_await enter_account(profile->hello.auth_plugin, sequence) ? verdict::next_command
                                                                         : verdict::end_session;
}

} // namespace holdwater::proxy
