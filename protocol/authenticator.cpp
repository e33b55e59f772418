// The server's side of the password plugins. A known password is compared with the scramble first; the full
// exchange of caching_sha2_password comes only after one that does not match.
#include "protocol/auth.hpp"
#include "protocol/ed25519.hpp"
#include "protocol/rsa.hpp"

#include <algorithm>
#include <utility>

namespace holdwater::protocol {
namespace {

constexpr std::uint8_t more_data_byte = 0x01;
constexpr std::uint8_t fast_auth_ok = 0x03;
constexpr std::uint8_t full_auth = 0x04;
constexpr std::uint8_t key_request = 0x02;
constexpr std::uint8_t auth_switch_byte = 0xfe;

bool is_known(std::string_view name) {
  return name == plugin::mysql_native_password || name == plugin::caching_sha2_password ||
         name == plugin::client_ed25519;
}

// What goes to the client with a switch.
result<std::string> fresh_salt(std::string_view plugin_name) {
  if (plugin_name == plugin::client_ed25519) return make_ed25519_nonce();
  const auto salt = make_challenge();
  if (salt.has_error()) return salt.error();
  return std::string(as_text(*salt));
}

std::string scramble(std::string_view plugin_name, std::string_view password, byte_span salt) {
  return plugin_name == plugin::caching_sha2_password ? scramble_sha2(password, salt)
                                                      : scramble_native(password, salt);
}

// Some clients send one zero byte for no password, and some a zero byte behind the scramble.
std::string_view without_padding(byte_span answer, std::size_t scramble_size) {
  std::string_view text = as_text(answer);
  const bool padded = text.size() == 1 || text.size() == scramble_size + 1;
  if (padded && text.back() == '\0') text.remove_suffix(1);
  return text;
}

} // namespace

authenticator::authenticator(std::string password, std::string offered, const challenge& salt, bool secure,
                             std::string required, const rsa_key* key)
    : key_(key), password_(std::move(password)), plugin_(std::move(offered)), required_(std::move(required)),
      salt_(as_text(salt)), lasting_salt_(salt), secure_(secure) {}

authenticator::step authenticator::start(std::string_view plugin_name, byte_span answer) {
  if (plugin_name.empty()) plugin_name = plugin_;
  if (!required_.empty() && plugin_name != required_) return switch_to(required_);
  const bool nothing = without_padding(answer, 0).empty();
  // the greeting's challenge is too short for a signature
  const bool as_offered = plugin_name == plugin_ && is_known(plugin_) && plugin_ != plugin::client_ed25519;
  if (as_offered && (!nothing || password_.empty())) return check(answer);
  if (is_known(plugin_name) && plugin_name != plugin::client_ed25519) {
    // Another plugin's right answer to the same challenge proves the password as well. In COM_CHANGE_USER it
    // is all there is: libmariadb answers each switch there with what it has stored.
    const std::string expected = scramble(plugin_name, password_.text(), as_bytes(salt_));
    if (!expected.empty() && equal_secrets(without_padding(answer, expected.size()), expected)) {
      plugin_ = plugin_name;
      return check(answer);
    }
  }
  if (is_known(plugin_name)) return switch_to(plugin_name);
  return switch_to(is_known(plugin_) ? std::string_view(plugin_) : plugin::mysql_native_password);
}

authenticator::step authenticator::feed(byte_span payload) {
  reply_.clear();
  switch (std::exchange(due_, due::nothing)) {
  case due::nothing: return step::fail;
  case due::proof: return check(payload);
  case due::clear_password: return check_password(as_text(payload));
  case due::key_request: return answer_key_request(payload);
  case due::sealed_password: return check_sealed(payload);
  }
  return step::fail;
}

authenticator::step authenticator::check(byte_span answer) {
  reply_.clear();
  if (plugin_ != plugin::client_ed25519) return check_scramble(answer);
  const auto key = ed25519_public_key(password_.text());
  return ed25519_verify(answer, as_bytes(salt_), key) ? step::succeed : step::fail;
}

authenticator::step authenticator::check_scramble(byte_span answer) {
  const bool sha2 = plugin_ == plugin::caching_sha2_password;
  const std::string expected = scramble(plugin_, password_.text(), as_bytes(salt_));
  const std::string_view given = without_padding(answer, expected.size());
  if (password_.empty()) return given.empty() ? step::succeed : step::fail;
  // a scramble that OpenSSL could not make is empty, and must match nothing
  if (expected.empty() || !equal_secrets(given, expected))
    return sha2 && !given.empty() ? ask_for_password() : step::fail;
  if (sha2) reply_ = {more_data_byte, fast_auth_ok};
  return step::succeed;
}

authenticator::step authenticator::ask_for_password() {
  if (!secure_ && !key_) return step::fail;
  due_ = secure_ ? due::clear_password : due::key_request;
  reply_ = {more_data_byte, full_auth};
  return step::send;
}

// A client that has the key already sends its password at once.
authenticator::step authenticator::answer_key_request(byte_span payload) {
  if (payload.size() != 1 || payload.front() != key_request) return check_sealed(payload);
  due_ = due::sealed_password;
  const auto& pem = key_->public_pem();
  reply_ = {more_data_byte};
  reply_.insert(reply_.end(), pem.begin(), pem.end());
  return step::send;
}

authenticator::step authenticator::check_password(std::string_view shown) const {
  if (shown.ends_with('\0')) shown.remove_suffix(1);
  return equal_secrets(shown, password_.text()) ? step::succeed : step::fail;
}

authenticator::step authenticator::check_sealed(byte_span payload) const {
  auto shown = key_->open(payload, salt_);
  if (!shown) return step::fail;
  const secret password(std::move(*shown));
  return check_password(password.text());
}

authenticator::step authenticator::switch_to(std::string_view plugin_name) {
  const auto salt = fresh_salt(plugin_name);
  if (salt.has_error()) return step::fail;
  plugin_ = plugin_name;
  salt_ = *salt;
  if (plugin_ == plugin::mysql_native_password) std::ranges::copy(as_bytes(salt_), lasting_salt_.begin());
  due_ = due::proof;
  reply_.clear();
  payload_writer payload(reply_);
  payload.integer(auth_switch_byte, 1);
  payload.null_terminated_string(plugin_);
  payload.bytes(salt_);
  if (plugin_ != plugin::client_ed25519) payload.zeros(1);
  return step::send;
}

} // namespace holdwater::protocol
