// Authentication plugins as conversations without I/O: the server's side verifies a client whose password we
// know, the client's side proves a password to a server.
//
// Source: MySQL "Authentication Methods": mysql_native_password (SHA1(pw) XOR SHA1(salt + SHA1(SHA1(pw))))
// and caching_sha2_password (SHA256(pw) XOR SHA256(SHA256(SHA256(pw)) + salt); 0x01 0x03 "fast auth ok", 0x01
// 0x04 "full authentication", 0x02 asks for the RSA key, password XOR salt under RSA-OAEP).
#pragma once

#include "protocol/error.hpp"
#include "protocol/handshake.hpp"
#include "protocol/packet.hpp"
#include "protocol/secret.hpp"

#include <string>
#include <string_view>

namespace holdwater::protocol {

class rsa_key;

namespace plugin {
inline constexpr std::string_view mysql_native_password = "mysql_native_password";
inline constexpr std::string_view caching_sha2_password = "caching_sha2_password";
inline constexpr std::string_view client_ed25519 = "client_ed25519"; // MariaDB, whose server says "ed25519"
} // namespace plugin

// Fills a challenge with random bytes, none of them 0 or '$' (as the server does).
[[nodiscard]] result<challenge> make_challenge();

// The scrambles. An empty password scrambles to an empty string in both plugins.
[[nodiscard]] std::string scramble_native(std::string_view password, byte_span salt);
[[nodiscard]] std::string scramble_sha2(std::string_view password, byte_span salt);

// What MariaDB from 11.4 on says in the OK of a login, so that a client may trust a certificate that
// no authority has signed: 0x01 and the hex of SHA-256 over the password as the server stores it, the
// challenge and the SHA-256 fingerprint of the certificate. Only who knows the password can say it, and only
// of the certificate that the client has seen. Empty without a password or a certificate, and for plugins
// that have no such proof.
[[nodiscard]] std::string certificate_proof(std::string_view plugin_name, std::string_view password,
                                            byte_span salt, byte_span fingerprint);
[[nodiscard]] bool is_certificate_proof(std::string_view info);

// Compares in constant time.
[[nodiscard]] bool equal_secrets(std::string_view a, std::string_view b);

// The server's side for a known password. Feed it the client's first answer, then every further packet's
// payload; it says what to send back. Sequence ids are the caller's: it sends with one above the packet that
// it fed.
class authenticator {
 public:
  enum class step {
    send,    // send reply() as one payload, then feed the client's next payload
    succeed, // send reply() as one payload first when it is not empty (0x01 0x03), then OK
    fail,    // access denied (1045)
  };

  // `offered` is the plugin that the greeting named; `salt` the challenge that it carried.
  // `required`, when not empty, is the plugin that the client is switched to if it comes with another.
  // A scramble of caching_sha2_password that does not match is followed by the full exchange, as servers do:
  // some clients rely on it. It needs a transport that is `secure` (TLS or a unix socket), where the client
  // shows its password, or a `key` to put it under, which outlives this.
  authenticator(std::string password, std::string offered, const challenge& salt, bool secure,
                std::string required = {}, const rsa_key* key = nullptr);

  // The client's handshake response, or its COM_CHANGE_USER: `plugin_name` empty means `offered`. A client
  // that answered with a plugin that is not offered (and not rightly), or with nothing where a password is
  // needed, gets an authentication switch with a fresh salt.
  step start(std::string_view plugin_name, byte_span answer);
  step feed(byte_span payload);

  [[nodiscard]] const byte_buffer& reply() const { return reply_; }
  // The challenge that the client goes on with: it answers a later COM_CHANGE_USER with mysql_native_password
  // to the last one that it got for that plugin, without being asked again.
  [[nodiscard]] const challenge& lasting_salt() const { return lasting_salt_; }
  // After success: what the client may trust a certificate by. It looks for the proof under that challenge.
  [[nodiscard]] std::string proof_of(byte_span fingerprint) const {
    return certificate_proof(plugin_, password_.text(), lasting_salt_, fingerprint);
  }

 private:
  // What the client's next payload is.
  enum class due : std::uint8_t {
    nothing,         // its one chance is over
    proof,           // the answer to our switch
    clear_password,  // with a zero byte, over a secure transport
    key_request,     // or at once the next
    sealed_password, // under our key
  };
  step check(byte_span answer);
  step check_scramble(byte_span answer);
  step ask_for_password();
  step answer_key_request(byte_span payload);
  [[nodiscard]] step check_password(std::string_view shown) const;
  [[nodiscard]] step check_sealed(byte_span payload) const;
  step switch_to(std::string_view plugin_name);

  const rsa_key* key_;
  secret password_;
  std::string plugin_;
  std::string required_;
  std::string salt_;
  challenge lasting_salt_;
  bool secure_;
  due due_ = due::nothing;
  byte_buffer reply_;
};

// The client's side. start() gives the first answer for the greeting's plugin (put it into the handshake
// response with plugin()); then feed every payload that the server sends, until it succeeds or fails.
class auth_client {
 public:
  enum class step {
    send,    // send reply() as one payload
    wait,    // nothing to send, feed the next payload
    succeed, // the payload was OK
    fail,    // the payload was ERR: the caller forwards it
  };

  auth_client(std::string password, bool secure);

  // An unknown default plugin is answered as mysql_native_password with an empty answer: the server then
  // switches.
  void start(const greeting& hello);
  [[nodiscard]] const std::string& plugin() const { return plugin_; }
  [[nodiscard]] const byte_buffer& reply() const { return reply_; }

  // Errors: malformed_packet, unsupported_auth_plugin, insecure_transport, cryptography_failed.
  [[nodiscard]] result<step> feed(byte_span payload);

 private:
  [[nodiscard]] result<step> change_plugin(byte_span payload);
  [[nodiscard]] result<step> answer_switch(const auth_switch& request);
  [[nodiscard]] result<step> sign_nonce(byte_span nonce);
  [[nodiscard]] result<step> take_more_data(byte_span data);
  [[nodiscard]] result<step> send_sealed_password(std::string_view public_key);
  [[nodiscard]] result<step> show_password();
  void answer_challenge(std::string_view plugin_name, byte_span salt);

  secret password_;
  std::string plugin_;
  std::string salt_;
  bool secure_;
  bool switched_ = false; // a server may switch once
  bool asked_for_key_ = false;
  byte_buffer reply_;
};

} // namespace holdwater::protocol
