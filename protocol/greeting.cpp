// The server's greeting and what its version string tells.
//
// Source: MySQL "Protocol::HandshakeV10"; MariaDB "Connecting", "Initial Handshake Packet": when the bit that
// MySQL calls long_password is not set, the last 4 of the 10 reserved bytes hold MariaDB's extended
// capabilities.
#include "protocol/handshake.hpp"
#include "protocol/packet_builder.hpp"

#include <algorithm>
#include <charconv>

namespace holdwater::protocol {
namespace {

constexpr std::uint8_t protocol_version = 10;
constexpr std::uint8_t err_byte = 0xff;
constexpr std::size_t first_salt_size = 8;
constexpr std::size_t second_salt_size = challenge_size - first_salt_size;
constexpr std::uint8_t salt_and_zero_size = challenge_size + 1;
constexpr std::string_view replication_prefix =
    "5.5.5-"; // MariaDB 10's, for clients that refuse a version 10

void copy_salt(challenge& salt, std::size_t at, std::string_view bytes) {
  std::ranges::copy(as_bytes(bytes), salt.begin() + static_cast<std::ptrdiff_t>(at));
}

// The plugin's name ends with a zero byte, save in a few old servers.
std::string_view read_plugin_name(payload_reader& in) {
  const std::string_view rest = in.rest();
  return rest.substr(0, rest.find('\0'));
}

void read_capabilities_and_salt(payload_reader& in, greeting& hello) {
  const std::uint64_t low = in.integer(2);
  hello.character_set = static_cast<std::uint8_t>(in.integer(1));
  hello.status = static_cast<std::uint16_t>(in.integer(2));
  hello.server_capabilities = low | in.integer(2) << 16;
  const std::uint64_t salt_size = in.integer(1);
  in.skip(6);
  const std::uint64_t extended = in.integer(4);
  if ((hello.server_capabilities & cap::long_password) == 0) hello.server_capabilities |= extended << 32;
  copy_salt(hello.salt, first_salt_size, in.fixed_string(second_salt_size));
  const std::uint64_t more = salt_size > salt_and_zero_size ? salt_size - salt_and_zero_size : 0;
  in.skip(std::min<std::size_t>(1 + more, in.remaining()));
}

unsigned read_number(std::string_view& text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.starts_with('.')) text.remove_prefix(1);
  return error == std::errc() ? std::min(value, 99u) : 0;
}

} // namespace

result<greeting> parse_greeting(byte_span payload) {
  payload_reader in(payload);
  const auto version = in.integer(1);
  if (version == err_byte) return errc::unexpected_packet; // the caller can parse_err() it
  if (version != protocol_version)
    return payload.empty() ? errc::malformed_packet : errc::unsupported_protocol;
  greeting hello;
  hello.server_version = in.null_terminated_string();
  hello.connection_id = static_cast<std::uint32_t>(in.integer(4));
  copy_salt(hello.salt, 0, in.fixed_string(first_salt_size));
  in.skip(1);
  read_capabilities_and_salt(in, hello);
  if ((hello.server_capabilities & cap::plugin_auth) != 0) hello.auth_plugin = read_plugin_name(in);
  if (in.failed()) return errc::malformed_packet;
  if ((hello.server_capabilities & cap::protocol_41) == 0) return errc::unsupported_protocol;
  return hello;
}

void append_greeting(byte_buffer& out, std::uint8_t sequence, const greeting& message) {
  const capabilities caps = message.server_capabilities;
  const bool with_plugin = (caps & cap::plugin_auth) != 0;
  const std::string_view salt = as_text(message.salt);
  packet_builder packet(out, sequence);
  payload_writer payload = packet.payload();
  payload.integer(protocol_version, 1);
  payload.null_terminated_string(message.server_version);
  payload.integer(message.connection_id, 4);
  payload.bytes(salt.substr(0, first_salt_size));
  payload.zeros(1);
  payload.integer(caps & 0xffff, 2);
  payload.integer(message.character_set, 1);
  payload.integer(message.status, 2);
  payload.integer(caps >> 16 & 0xffff, 2);
  payload.integer(with_plugin ? salt_and_zero_size : 0, 1);
  payload.zeros(6);
  payload.integer((caps & cap::long_password) == 0 ? caps >> 32 : 0, 4);
  payload.bytes(salt.substr(first_salt_size));
  payload.zeros(1);
  if (with_plugin) payload.null_terminated_string(message.auth_plugin);
  packet.finish();
}

server_version parse_server_version(std::string_view text) {
  server_version version;
  version.mariadb = text.find("MariaDB") != std::string_view::npos;
  if (text.starts_with(replication_prefix)) {
    version.mariadb = true;
    text.remove_prefix(replication_prefix.size());
  }
  const unsigned major = read_number(text);
  const unsigned minor = read_number(text);
  version.number = major * 10000 + minor * 100 + read_number(text);
  return version;
}

} // namespace holdwater::protocol
