// The client's side: proves a password to a server, and never shows it in clear on a transport that is not
// encrypted.
#include "protocol/auth.hpp"
#include "protocol/ed25519.hpp"
#include "protocol/rsa.hpp"

namespace holdwater::protocol {
namespace {

constexpr std::uint8_t ok_byte = 0x00;
constexpr std::uint8_t more_data_byte = 0x01;
constexpr std::uint8_t auth_switch_byte = 0xfe;
constexpr std::uint8_t err_byte = 0xff;

constexpr std::uint8_t fast_auth_ok = 0x03;
constexpr std::uint8_t full_auth = 0x04;
constexpr std::uint8_t key_request = 0x02;

constexpr std::string_view mysql_clear_password = "mysql_clear_password";

bool is_one_byte(byte_span data, std::uint8_t value) {
  return data.size() == 1 && data.front() == value;
}

} // namespace

auth_client::auth_client(std::string password, bool secure)
    : password_(std::move(password)), secure_(secure) {}

void auth_client::start(const greeting& hello) {
  const std::string_view name = hello.auth_plugin;
  if (name.empty() || name == plugin::mysql_native_password || name == plugin::caching_sha2_password)
    return answer_challenge(name.empty() ? plugin::mysql_native_password : name, hello.salt);
  plugin_ = plugin::mysql_native_password;
  reply_.clear();
}

result<auth_client::step> auth_client::feed(byte_span payload) {
  reply_.clear();
  if (payload.empty()) return errc::malformed_packet;
  switch (payload.front()) {
  case ok_byte: return step::succeed;
  case err_byte: return step::fail;
  case auth_switch_byte: return change_plugin(payload);
  case more_data_byte: return take_more_data(payload.subspan(1));
  default: return errc::unexpected_packet;
  }
}

result<auth_client::step> auth_client::change_plugin(byte_span payload) {
  const auto request = parse_auth_switch(payload);
  if (request.has_error()) return request.error();
  if (switched_) return errc::unexpected_packet;
  switched_ = true;
  if (request->plugin == mysql_clear_password) {
    plugin_ = request->plugin;
    return show_password();
  }
  return answer_switch(*request);
}

result<auth_client::step> auth_client::answer_switch(const auth_switch& request) {
  if (request.plugin == plugin::client_ed25519) return sign_nonce(as_bytes(request.data));
  if (request.plugin != plugin::mysql_native_password && request.plugin != plugin::caching_sha2_password)
    return errc::unsupported_auth_plugin;
  if (request.data.size() < challenge_size || request.data.size() > challenge_size + 1)
    return errc::malformed_packet;
  answer_challenge(request.plugin, as_bytes(request.data).first(challenge_size));
  return step::send;
}

result<auth_client::step> auth_client::sign_nonce(byte_span nonce) {
  if (nonce.size() != ed25519_nonce_size) return errc::malformed_packet;
  const auto signature = ed25519_sign(password_.text(), nonce);
  if (signature.empty()) return errc::cryptography_failed;
  plugin_ = plugin::client_ed25519;
  reply_.assign(signature.begin(), signature.end());
  return step::send;
}

// caching_sha2_password's further steps; mysql_native_password has none.
result<auth_client::step> auth_client::take_more_data(byte_span data) {
  if (plugin_ != plugin::caching_sha2_password) return errc::unexpected_packet;
  if (asked_for_key_) return send_sealed_password(as_text(data));
  if (is_one_byte(data, fast_auth_ok)) return step::wait;
  if (!is_one_byte(data, full_auth)) return errc::unexpected_packet;
  if (secure_) return show_password();
  asked_for_key_ = true;
  reply_ = {key_request};
  return step::send;
}

result<auth_client::step> auth_client::send_sealed_password(std::string_view public_key) {
  auto sealed = encrypt_password(password_.text(), salt_, public_key);
  if (sealed.has_error()) return sealed.error();
  asked_for_key_ = false;
  reply_ = std::move(*sealed);
  return step::send;
}

result<auth_client::step> auth_client::show_password() {
  if (!secure_) return errc::insecure_transport;
  payload_writer(reply_).null_terminated_string(password_.text());
  return step::send;
}

void auth_client::answer_challenge(std::string_view plugin_name, byte_span salt) {
  plugin_ = plugin_name;
  salt_ = as_text(salt);
  asked_for_key_ = false;
  const bool native = plugin_ == plugin::mysql_native_password;
  const std::string answer =
      native ? scramble_native(password_.text(), salt) : scramble_sha2(password_.text(), salt);
  reply_.assign(answer.begin(), answer.end());
}

} // namespace holdwater::protocol
