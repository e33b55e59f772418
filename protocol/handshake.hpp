// The messages of the connection phase, both directions: greeting, handshake response, authentication switch,
// further authentication data, COM_CHANGE_USER.
//
// Source: MySQL "Connection Phase Packets"; MariaDB knowledge base "Connecting to the server".
#pragma once

#include "protocol/capabilities.hpp"
#include "protocol/error.hpp"
#include "protocol/packet.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace holdwater::protocol {

inline constexpr std::size_t challenge_size = 20; // bytes of salt, without the terminating zero
using challenge = std::array<std::uint8_t, challenge_size>;

// Protocol::HandshakeV10. Owns its strings: it is remembered across outages.
struct greeting {
  std::string server_version; // e.g. "5.5.5-10.11.14-MariaDB-0+deb12u2" or "9.7.4"
  std::uint32_t connection_id = 0;
  challenge salt{};
  capabilities server_capabilities = 0; // with MariaDB's extended ones
  std::uint8_t character_set = 0;       // low byte of the default collation's id
  std::uint16_t status = 0;
  std::string auth_plugin; // default plugin, e.g. "caching_sha2_password"
};

[[nodiscard]] result<greeting> parse_greeting(byte_span payload);
void append_greeting(byte_buffer& out, std::uint8_t sequence, const greeting& message);

// Facts that the version string tells.
struct server_version {
  bool mariadb = false;
  unsigned number = 0; // major * 10000 + minor * 100 + patch, e.g. 101114 or 90704
};
[[nodiscard]] server_version parse_server_version(std::string_view text); // "5.5.5-10.11..." is MariaDB 10.11

// Protocol::HandshakeResponse41. Owns its strings: it is used again when the session reconnects.
struct handshake_response {
  capabilities client_capabilities = 0;
  std::uint32_t max_packet_size = 0;
  std::uint16_t collation = 0; // 8-bit in the packet (MySQL sends only the low byte; MariaDB the same)
  std::string user;
  std::string auth_response;
  std::string database;        // empty when CLIENT_CONNECT_WITH_DB is not set
  std::string auth_plugin;     // empty when CLIENT_PLUGIN_AUTH is not set
  std::string attributes;      // raw connection-attribute block without its total length
  std::uint8_t zstd_level = 0; // when CLIENT_ZSTD_COMPRESSION_ALGORITHM is set
};

// True when the payload is an SSLRequest (32 bytes, CLIENT_SSL set) and not a whole response.
[[nodiscard]] bool is_ssl_request(byte_span payload);
// The request for TLS that precedes `message`: its fixed part, and nothing of the account.
void append_ssl_request(byte_buffer& out, std::uint8_t sequence, const handshake_response& message);
[[nodiscard]] result<handshake_response> parse_handshake_response(byte_span payload);
// Encodes with message.client_capabilities deciding which fields are present.
void append_handshake_response(byte_buffer& out, std::uint8_t sequence, const handshake_response& message);

// AuthSwitchRequest (0xfe). `data` is the challenge as sent, including a trailing zero byte where there is
// one.
struct auth_switch {
  std::string plugin;
  std::string data;
};
[[nodiscard]] result<auth_switch> parse_auth_switch(byte_span payload);
void append_auth_switch(byte_buffer& out, std::uint8_t sequence, const auth_switch& message);
// AuthMoreData (0x01): appends one packet with `data` behind the 0x01.
void append_auth_more_data(byte_buffer& out, std::uint8_t sequence, byte_span data);

// COM_CHANGE_USER's payload (with its command byte 0x11).
struct change_user {
  std::string user;
  std::string auth_response;
  std::string database;
  std::uint16_t collation = 0;
  std::string auth_plugin;
  std::string attributes;
};
[[nodiscard]] result<change_user> parse_change_user(byte_span payload, capabilities negotiated);
void append_change_user(byte_buffer& out, std::uint8_t sequence, const change_user& message,
                        capabilities negotiated);

} // namespace holdwater::protocol
