// Where a relayed client has to show its password: the two sides may differ in what they are encrypted with.
// On each side it goes under TLS or under an RSA key, as the plugin does there; never in clear to a server.
//
// Source: MySQL "Caching_sha2_password information": after 0x01 0x04 a client sends the password in clear
// over TLS; without TLS it asks for the server's RSA key (0x02) and sends the password under it.
#include "proxy/session/session.hpp"

#include "protocol/auth.hpp"
#include "protocol/rsa.hpp"

namespace holdwater::proxy {

using protocol::byte_buffer;

namespace {

constexpr std::size_t largest_login_packet = 64UL * 1024;
constexpr std::uint8_t key_request = 0x02;

std::uint8_t after(const message& one) {
  return static_cast<std::uint8_t>(one.sequence + 1);
}

} // namespace

// Whether the server may be asked this of the client: empty, or why not.
std::string_view session::why_not_relayable(std::string_view plugin) const {
  const bool link_secure = link_->stream->secure();
  if (!link_secure && (plugin == "mysql_clear_password" || plugin == "dialog"))
    return "the account needs its password in clear text, which is not sent to a server without TLS";
  if (plugin == "sha256_password" && link_secure != client_->secure())
    return "the account uses sha256_password, which is relayed only with TLS on both sides or on none";
  return {};
}

// The server asks for another plugin, or with the same words for a further factor. False when it may not have
// what that would show; the client is told.
task<bool> session::follow_switch(relayed_login& login, const byte_buffer& payload) {
  auto as_switch = payload;
  as_switch[0] = 0xfe;
  const auto asked = protocol::parse_auth_switch(as_switch);
  if (!asked && payload.size() == 1) co_return true; // an old plugin's, which names nothing
  if (!asked) // what its client could read in it all the same is not known
    co_return co_await deny(client_error::bad_handshake,
                            "the server's request for another plugin is malformed", login.client_sequence);
  login.plugin = asked->plugin;
  login.salt = asked->data.substr(0, protocol::challenge_size);
  const auto why = why_not_relayable(login.plugin);
  if (why.empty()) co_return true;
  co_return co_await deny(client_error::insecure_transport, why, login.client_sequence);
}

bool session::must_carry_password(const relayed_login& login, protocol::byte_span said) const {
  return login.plugin == protocol::plugin::caching_sha2_password && said.size() == 2 && said[0] == 0x01 &&
         said[1] == 0x04 && client_->secure() != link_->stream->secure();
}

// The client was just told to show its password, and its next packet does. `server_sequence` is that of the
// next packet to the server.
task<bool> session::carry_password(relayed_login& login, std::uint8_t server_sequence) {
  const waiter how{wake_, &limit_};
  message shown;
  if (co_await read_message(*client_, how, largest_login_packet, shown) != io_status::done) co_return false;
  if (!client_->secure()) {
    const bool opened = co_await unseal_password(login, shown);
    if (!opened) co_return false;
  }
  login.client_sequence = after(shown);
  byte_buffer out;
  if (!link_->stream->secure()) {
    protocol::append_message(out, server_sequence, byte_buffer{key_request});
    if (co_await send_all(*link_->stream, how, out) != io_status::done) co_return false;
    message key;
    if (co_await read_message(*link_->stream, how, largest_login_packet, key) != io_status::done)
      co_return false;
    auto password = protocol::as_text(shown.payload);
    if (password.ends_with('\0')) password.remove_suffix(1);
    const auto pem = protocol::as_text(key.payload).substr(key.payload.empty() ? 0 : 1);
    auto sealed = protocol::encrypt_password(password, login.salt, pem);
    protocol::wipe(shown.payload);
    if (!sealed) co_return false;
    shown.payload = std::move(*sealed);
    server_sequence = after(key);
    out.clear();
  }
  protocol::append_message(out, server_sequence, shown.payload);
  protocol::wipe(shown.payload);
  const auto sent = co_await send_all(*link_->stream, how, out);
  protocol::wipe(out);
  co_return sent == io_status::done;
}

// A client without TLS: it gets our key when it asks, and its password is opened in place.
task<bool> session::unseal_password(const relayed_login& login, message& shown) {
  const waiter how{wake_, &limit_};
  const auto* const key = process().password_key;
  if (key == nullptr) co_return false;
  if (shown.payload == byte_buffer{key_request}) {
    byte_buffer out;
    const auto& pem = key->public_pem();
    protocol::append_auth_more_data(out, after(shown), protocol::as_bytes(pem));
    if (co_await send_all(*client_, how, out) != io_status::done) co_return false;
    if (co_await read_message(*client_, how, largest_login_packet, shown) != io_status::done) co_return false;
  }
  auto password = key->open(shown.payload, login.salt);
  if (!password) co_return false;
  shown.payload.reserve(password->size() + 1);
  shown.payload.assign(password->begin(), password->end());
  shown.payload.push_back(0);
  protocol::wipe(*password);
  co_return true;
}

} // namespace holdwater::proxy
