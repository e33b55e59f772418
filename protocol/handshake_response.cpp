// The client's answer to the greeting, the request for TLS, and the authentication switch.
//
// Clients differ at the end of the response: the database, the plugin's name or the attributes may be missing
// although their flag is set. A field that is not there at all is empty; one that is cut short is malformed.
//
// Source: MySQL "Protocol::HandshakeResponse41", "Protocol::SSLRequest", "Protocol::AuthSwitchRequest";
// MariaDB "Handshake Response Packet" (extended capabilities in the last 4 of the 23 reserved bytes).
#include "protocol/handshake.hpp"
#include "protocol/packet_builder.hpp"

namespace holdwater::protocol {
namespace {

constexpr std::size_t ssl_request_size = 32;
constexpr std::uint8_t auth_switch_byte = 0xfe;
constexpr std::uint8_t more_data_byte = 0x01;
constexpr std::size_t longest_short_answer = 255;

void read_fixed_part(payload_reader& in, handshake_response& message) {
  message.client_capabilities = in.integer(4);
  message.max_packet_size = static_cast<std::uint32_t>(in.integer(4));
  message.collation = static_cast<std::uint16_t>(in.integer(1));
  in.skip(19);
  const std::uint64_t extended = in.integer(4);
  if ((message.client_capabilities & cap::long_password) == 0) message.client_capabilities |= extended << 32;
}

std::string_view read_answer(payload_reader& in, capabilities caps) {
  if (in.remaining() == 0) return {};
  if ((caps & cap::plugin_auth_lenenc_data) != 0) return in.lenenc_string();
  if ((caps & cap::secure_connection) != 0) return in.fixed_string(in.integer(1));
  return in.null_terminated_string();
}

// The last string of a packet may lack its zero byte.
std::string_view read_optional_string(payload_reader& in) {
  payload_reader terminated = in;
  const std::string_view value = terminated.null_terminated_string();
  if (terminated.failed()) return in.rest();
  in = terminated;
  return value;
}

void read_optional_fields(payload_reader& in, handshake_response& message) {
  const auto has = [&](capabilities flag) {
    return (message.client_capabilities & flag) != 0 && in.remaining() > 0;
  };
  if (has(cap::connect_with_db)) message.database = read_optional_string(in);
  if (has(cap::plugin_auth)) message.auth_plugin = read_optional_string(in);
  if (has(cap::connect_attrs)) message.attributes = in.lenenc_string();
  if (has(cap::zstd_compression)) message.zstd_level = static_cast<std::uint8_t>(in.integer(1));
}

void write_fixed_part(payload_writer& out, const handshake_response& message) {
  const capabilities caps = message.client_capabilities;
  out.integer(caps & 0xffffffff, 4);
  out.integer(message.max_packet_size, 4);
  out.integer(message.collation & 0xff, 1);
  out.zeros(19);
  out.integer((caps & cap::long_password) == 0 ? caps >> 32 : 0, 4);
}

void write_answer(payload_writer& out, std::string_view answer, capabilities caps) {
  if ((caps & cap::plugin_auth_lenenc_data) != 0) return out.lenenc_string(answer);
  if ((caps & cap::secure_connection) == 0) return out.null_terminated_string(answer);
  const std::string_view part = answer.substr(0, longest_short_answer);
  out.integer(part.size(), 1);
  out.bytes(part);
}

void write_optional_fields(payload_writer& out, const handshake_response& message) {
  const auto has = [&](capabilities flag) { return (message.client_capabilities & flag) != 0; };
  if (has(cap::connect_with_db)) out.null_terminated_string(message.database);
  if (has(cap::plugin_auth)) out.null_terminated_string(message.auth_plugin);
  if (has(cap::connect_attrs)) out.lenenc_string(message.attributes);
  if (has(cap::zstd_compression)) out.integer(message.zstd_level, 1);
}

} // namespace

bool is_ssl_request(byte_span payload) {
  return payload.size() == ssl_request_size && (payload_reader(payload).integer(4) & cap::ssl) != 0;
}

result<handshake_response> parse_handshake_response(byte_span payload) {
  payload_reader in(payload);
  handshake_response message;
  read_fixed_part(in, message);
  if (!in.failed() && (message.client_capabilities & cap::protocol_41) == 0)
    return errc::unsupported_protocol;
  message.user = in.null_terminated_string();
  message.auth_response = read_answer(in, message.client_capabilities);
  read_optional_fields(in, message);
  if (in.failed()) return errc::malformed_packet;
  return message;
}

void append_ssl_request(byte_buffer& out, std::uint8_t sequence, const handshake_response& message) {
  packet_builder packet(out, sequence);
  payload_writer payload = packet.payload();
  write_fixed_part(payload, message);
  packet.finish();
}

void append_handshake_response(byte_buffer& out, std::uint8_t sequence, const handshake_response& message) {
  const capabilities caps = message.client_capabilities;
  packet_builder packet(out, sequence);
  payload_writer payload = packet.payload();
  write_fixed_part(payload, message);
  payload.null_terminated_string(message.user);
  write_answer(payload, message.auth_response, caps);
  write_optional_fields(payload, message);
  packet.finish();
}

result<auth_switch> parse_auth_switch(byte_span payload) {
  payload_reader in(payload);
  if (in.integer(1) != auth_switch_byte) return errc::malformed_packet;
  if (in.remaining() == 0) return errc::unsupported_auth_plugin; // the bare byte means mysql_old_password
  auth_switch message;
  message.plugin = in.null_terminated_string();
  message.data = in.rest();
  if (in.failed()) return errc::malformed_packet;
  return message;
}

void append_auth_switch(byte_buffer& out, std::uint8_t sequence, const auth_switch& message) {
  packet_builder packet(out, sequence);
  payload_writer payload = packet.payload();
  payload.integer(auth_switch_byte, 1);
  payload.null_terminated_string(message.plugin);
  payload.bytes(message.data);
  packet.finish();
}

void append_auth_more_data(byte_buffer& out, std::uint8_t sequence, byte_span data) {
  packet_builder packet(out, sequence);
  payload_writer payload = packet.payload();
  payload.integer(more_data_byte, 1);
  payload.bytes(data);
  packet.finish();
}

} // namespace holdwater::protocol
