// A login that the server decides alone: its request for a proof, with its challenge, goes to the client, and
// the client's proof goes back, so that no secret is needed here.
//
// The client's first proof answers our greeting's challenge, which is the server's only where the server
// greeted the client itself. Elsewhere it is left out, and the server asks anew.
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

constexpr std::size_t largest_login_packet = 64UL * 1024;

// A plugin that no account has makes the server ask for the account's own at once: many clients follow one
// switch and no second one.
constexpr std::string_view nobodys_plugin = "holdwater_relay";

} // namespace

task<session::entry> session::relay_login(std::uint8_t sequence) {
  co_await hold_while(&session::server_is_suspect);
  if (!process().board.view().answers()) {
    const auto text =
        fmt::format("the server is down, and the account '{}' is not configured here, so it cannot log in "
                    "without the server",
                    login_.user);
    co_await deny(client_error::account_not_known, text, sequence);
    co_return entry::refused;
  }
  constexpr std::string_view too_old =
      "this account is relayed, which needs a client with CLIENT_PLUGIN_AUTH";
  const bool follows_switches = (negotiated_ & cap::plugin_auth) != 0;
  if (!greeted_ && !follows_switches) {
    co_await deny(client_error::bad_handshake, too_old, sequence);
    co_return entry::refused;
  }

  auto attempt = co_await own_link();
  if (attempt.what == link_attempt::outcome::unreachable) {
    process().watch.report(attempt.problem);
    co_await deny(client_error::needs_server, "the server cannot be reached", sequence);
    co_return entry::refused;
  }
  if (attempt.what == link_attempt::outcome::refused) {
    byte_buffer out;
    add_sql_state(attempt.refusal);
    protocol::append_message(out, sequence, attempt.refusal);
    co_await answer(out);
    co_return entry::refused;
  }
  attempt.link->negotiated = negotiated_ & attempt.hello.server_capabilities;
  if (!fits(*attempt.link)) {
    attempt.link->stream->close();
    co_await deny(client_error::bad_handshake, "the server has changed its capabilities; connect again",
                  sequence);
    co_return entry::refused;
  }

  auto login = login_;
  ask_for_compression(login, process().settings, attempt);
  const waiter how{wake_, &limit_};
  co_await encrypt_link(home_, how, attempt, login);
  if (attempt.what != link_attempt::outcome::opened) {
    process().watch.report(attempt.problem);
    co_await deny(client_error::needs_server, "the server cannot be reached", sequence);
    co_return entry::refused;
  }
  link_ = std::move(attempt.link);
  if (!process().connections->hold(*record_, link_->record)) co_return entry::gone;

  relayed_login conversation{login.auth_plugin, std::string(protocol::as_text(attempt.hello.salt)), sequence};
  if (!proof_fits_server()) {
    if (!follows_switches) {
      co_await deny(client_error::bad_handshake, too_old, sequence);
      co_return entry::refused;
    }
    login.auth_plugin = nobodys_plugin;
    login.auth_response.clear();
    conversation.plugin = attempt.hello.auth_plugin;
  }
  if (link_->stream->tls() != nullptr) login.client_capabilities |= cap::ssl;
  byte_buffer out;
  protocol::append_handshake_response(out, attempt.sequence, login);
  if (co_await send_all(*link_->stream, {wake_, &limit_}, out) != io_status::done) co_return entry::gone;
  co_return co_await relay_authentication(conversation);
}

// The client's answer in its handshake response is to this very server's challenge, and holds no password.
// Over a unix socket the server has to name the account's plugin all the same, see relay_socket.cpp.
bool session::proof_fits_server() const {
  const bool scrambled = !(negotiated_ & cap::plugin_auth) ||
                         login_.auth_plugin == protocol::plugin::mysql_native_password ||
                         login_.auth_plugin == protocol::plugin::caching_sha2_password;
  return scrambled && shares_challenge() && !link_->stream->is_local();
}

// A proof under the challenge that the client has is one under the server's.
bool session::shares_challenge() const {
  return link_ && link_->salt == salt_;
}

// A later COM_CHANGE_USER answers the last challenge that came for this plugin.
void session::keep_lasting_salt(protocol::byte_span auth_switch) {
  const auto asked = protocol::parse_auth_switch(auth_switch);
  if (!asked || asked->plugin != protocol::plugin::mysql_native_password) return;
  const auto salt = protocol::as_bytes(asked->data);
  if (salt.size() < salt_.size()) return;
  std::copy_n(salt.begin(), salt_.size(), salt_.begin());
  link_->salt = salt_;
}

// Packets go both ways as they come, each side with its own sequence ids, until the server says OK or ERR.
task<session::entry> session::relay_authentication(relayed_login& login) {
  std::uint8_t server_sequence = 0;
  auto& client_sequence = login.client_sequence;
  for (;;) {
    message packet;
    byte_buffer out;
    if (link_->stream->received().empty() && !link_->stream->maybe_readable() &&
        !client_->received().empty()) {
      if (co_await read_message(*client_, {wake_, &limit_}, largest_login_packet, packet) != io_status::done)
        co_return entry::gone;
      client_sequence = static_cast<std::uint8_t>(packet.sequence + 1);
      protocol::append_message(out, server_sequence, packet.payload);
      protocol::wipe(packet.payload); // it may be the password
      const auto passed = co_await send_all(*link_->stream, {wake_, &limit_}, out);
      protocol::wipe(out);
      if (passed != io_status::done) co_return entry::gone;
      continue;
    }
    const auto got = link_->stream->maybe_readable() ? link_->stream->receive() : transport::status::blocked;
    if (got == transport::status::closed && link_->stream->received().empty()) co_return entry::gone;
    if (link_->stream->received().empty()) {
      if (client_->maybe_readable() && client_->receive() == transport::status::closed) co_return entry::gone;
      if (!client_->received().empty()) continue;
      client_->arm_receive();
      link_->stream->arm_receive();
      co_await wake_.wait();
      if (limit_.expired() || stopping_) co_return entry::gone;
      continue;
    }
    if (co_await read_message(*link_->stream, {wake_, &limit_}, largest_login_packet, packet) !=
        io_status::done)
      co_return entry::gone;
    server_sequence = static_cast<std::uint8_t>(packet.sequence + 1);
    const auto first = packet.payload.empty() ? 0xff : packet.payload[0];
    if (first == 0x00) begin_compression(*link_);
    if (first == 0x00 && link_->stream->is_local()) {
      const bool proved = co_await proved_by_client();
      const auto text = denied_text(login_.user, client_address(), true);
      if (!proved) {
        co_await deny(client_error::access_denied, text, client_sequence);
        co_return entry::refused;
      }
    }
    if (first == 0xfe || first == 0x02) {
      const bool followed = co_await follow_switch(login, packet.payload);
      if (!followed) co_return entry::refused;
    }
    if (first == 0xfe && packet.payload.size() == 1 && !shares_challenge()) // an old password, under it
      protocol::append_auth_switch(out, client_sequence++, {"mysql_old_password", login.salt + '\0'});
    else if (first == 0x00)
      finish_relayed_login(out, client_sequence++, packet.payload);
    else
      client_sequence = protocol::append_message(out, client_sequence, packet.payload);
    if (first == 0xfe) keep_lasting_salt(packet.payload);
    const auto sent = co_await send_all(*client_, {wake_, &limit_}, out);
    if (sent != io_status::done) co_return entry::gone;
    if (first == 0xff) co_return entry::refused;
    if (must_carry_password(login, packet.payload)) {
      const bool carried = co_await carry_password(login, server_sequence);
      if (!carried) co_return entry::gone;
    }
    if (first == 0x00) co_return entry::entered;
  }
}

void session::finish_relayed_login(byte_buffer& out, std::uint8_t sequence, protocol::byte_span ok) {
  known_ = nullptr; // by COM_CHANGE_USER from a known account
  state_.begin(login_, process().profile.get());
  append_login_ok(out, sequence, ok);
}

} // namespace holdwater::proxy
