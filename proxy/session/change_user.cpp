// COM_CHANGE_USER: a login over the same client connection, and over the same server connection where that
// can be. What was open in it is rolled back.
//
// After one that the server refuses, MariaDB goes on with the account as it was before, in a session with
// nothing set, and MySQL closes the connection (measured on 10.11 and 9.7); so does Holdwater.
#include "proxy/server/server_profile.hpp"
#include "proxy/server/state_board.hpp"
#include "proxy/session/replica_reads.hpp"
#include "proxy/session/session.hpp"

namespace holdwater::proxy {

using protocol::byte_buffer;
namespace cap = protocol::cap;

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
  const auto server = process().board.view().state;
  const bool away = server == server_state::down || (server == server_state::suspect && held_out());
  if (away && !process().find_account(asked->user)) { // nothing has happened: the session is as it was
    const bool told = co_await answer_error(
        client_error::needs_server,
        "the server is down, and without it only accounts that are configured here log in");
    co_return told ? verdict::next_command : verdict::end_session;
  }
  if (replicas_) replicas_->close(); // what the session has set there is nobody's
  auto before = login_;
  before.database = state_.database();
  const account* const account_before = known_;
  login_.user = asked->user;
  login_.auth_response = asked->auth_response;
  login_.auth_plugin = asked->auth_plugin;
  login_.database = asked->database;
  login_.collation = asked->collation;
  login_.attributes = asked->attributes;
  login_.client_capabilities =
      login_.database.empty() ? negotiated_ & ~cap::connect_with_db : negotiated_ | cap::connect_with_db;
  state_.begin(login_, process().profile.get());
  if (login_.client_capabilities & cap::ignore_space) to_learn_ = {"sql_mode"}; // MariaDB forgets it
  transaction_lost_ = false;
  last_insert_id_ = 0;
  said_.clear();
  home_.deadlines().set(limit_, process().settings.handshake_timeout);

  entry how = entry::gone;
  const auto profile = process().profile.get();
  if (!process().find_account(login_.user) && can_relay_change())
    how = co_await relay_change_user(whole);
  else
    how = co_await enter_account(profile->hello.auth_plugin, sequence);
  if (how == entry::entered) co_return verdict::next_command;
  if (how == entry::gone || !link_ || !profile->version.mariadb) co_return verdict::end_session;

  login_ = before;
  known_ = account_before;
  process().connections->name(*record_, login_.user, client_address());
  state_.begin(login_, profile);
  state_.make_unrestorable("a COM_CHANGE_USER that was refused");
  link_->tainted = true;
  co_return verdict::next_command;
}

// The client answers the challenge that this very server connection once gave it, so another one would not
// take the answer. (A client of the C libraries answers that with mysql_native_password even when it is sent
// another one.)
bool session::can_relay_change() const {
  return link_ && (!known_ || shares_challenge());
}

// To a relayed account, over the server connection that there is.
task<session::entry> session::relay_change_user(const byte_buffer& command) {
  byte_buffer out;
  protocol::append_message(out, 0, command);
  const bool sent = co_await send_to_server(out);
  home_.deadlines().set(limit_, process().settings.handshake_timeout);
  relayed_login conversation{login_.auth_plugin, std::string(protocol::as_text(salt_)), 1};
  entry how = entry::gone;
  if (sent) how = co_await relay_authentication(conversation);
  limit_.clear();
  if (how == entry::entered) process().connections->name(*record_, login_.user, client_address());
  co_return how;
}

} // namespace holdwater::proxy
