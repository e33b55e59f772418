// COM_CHANGE_USER: the handshake response's fields again, in an older order and with its own rules for the
// answer's length. What comes behind the database may be missing.
//
// Source: MySQL "COM_CHANGE_USER".
#include "protocol/command.hpp"
#include "protocol/handshake.hpp"
#include "protocol/packet_builder.hpp"

namespace holdwater::protocol {
namespace {

constexpr std::size_t longest_answer = 255;

std::string_view read_answer(payload_reader& in, capabilities negotiated) {
  if ((negotiated & cap::secure_connection) != 0) return in.fixed_string(in.integer(1));
  return in.null_terminated_string();
}

void write_answer(payload_writer& out, std::string_view answer, capabilities negotiated) {
  if ((negotiated & cap::secure_connection) == 0) return out.null_terminated_string(answer);
  const std::string_view part = answer.substr(0, longest_answer);
  out.integer(part.size(), 1);
  out.bytes(part);
}

void read_optional_fields(payload_reader& in, change_user& message, capabilities negotiated) {
  if (in.remaining() >= 2) message.collation = static_cast<std::uint16_t>(in.integer(2));
  if ((negotiated & cap::plugin_auth) != 0 && in.remaining() > 0)
    message.auth_plugin = in.null_terminated_string();
  if ((negotiated & cap::connect_attrs) != 0 && in.remaining() > 0) message.attributes = in.lenenc_string();
}

} // namespace

result<change_user> parse_change_user(byte_span payload, capabilities negotiated) {
  payload_reader in(payload);
  if (static_cast<command>(in.integer(1)) != command::change_user) return errc::malformed_packet;
  change_user message;
  message.user = in.null_terminated_string();
  message.auth_response = read_answer(in, negotiated);
  message.database = in.null_terminated_string();
  read_optional_fields(in, message, negotiated);
  if (in.failed()) return errc::malformed_packet;
  return message;
}

void append_change_user(byte_buffer& out, std::uint8_t sequence, const change_user& message,
                        capabilities negotiated) {
  packet_builder packet(out, sequence);
  payload_writer payload = packet.payload();
  payload.integer(static_cast<std::uint8_t>(command::change_user), 1);
  payload.null_terminated_string(message.user);
  write_answer(payload, message.auth_response, negotiated);
  payload.null_terminated_string(message.database);
  payload.integer(message.collation, 2);
  if ((negotiated & cap::plugin_auth) != 0) payload.null_terminated_string(message.auth_plugin);
  if ((negotiated & cap::connect_attrs) != 0) payload.lenenc_string(message.attributes);
  packet.finish();
}

} // namespace holdwater::protocol
