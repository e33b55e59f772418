// OK, ERR and EOF.
//
// Real servers write OK's info as a length-encoded string with and without CLIENT_SESSION_TRACK, and leave it
// out when it is empty and nothing follows; the manual says "the rest" for the second case. Both forms are
// read, the servers' is written.
#include "protocol/messages.hpp"

#include "protocol/packet_builder.hpp"

namespace holdwater::protocol {
namespace {

constexpr std::size_t sql_state_size = 5;

std::string_view read_plain_info(payload_reader& in) {
  payload_reader as_lenenc = in;
  const std::string_view text = as_lenenc.lenenc_string();
  if (!as_lenenc.failed() && as_lenenc.remaining() == 0) return text;
  return in.rest();
}

void read_tracked_info(payload_reader& in, ok_message& ok) {
  ok.info = in.lenenc_string();
  if ((ok.status & server_status::session_state_changed) != 0 && in.remaining() > 0)
    ok.session_state = in.lenenc_string();
}

void write_info(payload_writer& out, const ok_message& ok, bool track) {
  const bool state = track && (ok.status & server_status::session_state_changed) != 0;
  if (!ok.info.empty() || state) out.lenenc_string(ok.info);
  if (state) out.lenenc_string(ok.session_state);
}

} // namespace

result<ok_message> parse_ok(byte_span payload, capabilities negotiated) {
  payload_reader in(payload);
  ok_message ok;
  const auto first = in.integer(1);
  ok.affected_rows = in.lenenc_integer();
  ok.last_insert_id = in.lenenc_integer();
  ok.status = static_cast<std::uint16_t>(in.integer(2));
  ok.warnings = static_cast<std::uint16_t>(in.integer(2));
  if (in.remaining() > 0) {
    if ((negotiated & cap::session_track) != 0)
      read_tracked_info(in, ok);
    else
      ok.info = read_plain_info(in);
  }
  if (in.failed() || (first != 0x00 && first != 0xfe)) return errc::malformed_packet;
  return ok;
}

result<err_message> parse_err(byte_span payload, capabilities) {
  payload_reader in(payload);
  const auto first = in.integer(1);
  err_message err;
  err.number = static_cast<std::uint16_t>(in.integer(2));
  if (in.failed() || first != 0xff) return errc::malformed_packet;
  err.text = in.rest();
  // not by the capabilities: servers send the state in early errors too, and old ones do not
  if (err.text.size() > sql_state_size && err.text.front() == '#') {
    err.sql_state = err.text.substr(1, sql_state_size);
    err.text.remove_prefix(1 + sql_state_size);
  }
  return err;
}

result<eof_message> parse_eof(byte_span payload) {
  payload_reader in(payload);
  const auto first = in.integer(1);
  eof_message eof;
  eof.warnings = static_cast<std::uint16_t>(in.integer(2));
  eof.status = static_cast<std::uint16_t>(in.integer(2));
  if (in.failed() || first != 0xfe) return errc::malformed_packet;
  return eof;
}

void append_ok(byte_buffer& out, std::uint8_t sequence, const ok_message& message, capabilities negotiated,
               std::uint8_t first_byte) {
  packet_builder packet(out, sequence);
  payload_writer payload = packet.payload();
  payload.integer(first_byte, 1);
  payload.lenenc_integer(message.affected_rows);
  payload.lenenc_integer(message.last_insert_id);
  payload.integer(message.status, 2);
  payload.integer(message.warnings, 2);
  write_info(payload, message, (negotiated & cap::session_track) != 0);
  packet.finish();
}

void append_err(byte_buffer& out, std::uint8_t sequence, const err_message& message,
                capabilities negotiated) {
  packet_builder packet(out, sequence);
  payload_writer payload = packet.payload();
  payload.integer(0xff, 1);
  payload.integer(message.number, 2);
  if ((negotiated & cap::protocol_41) != 0) {
    payload.bytes("#");
    payload.bytes(message.sql_state.size() == sql_state_size ? message.sql_state : "HY000");
  }
  payload.bytes(message.text);
  packet.finish();
}

void append_eof(byte_buffer& out, std::uint8_t sequence, const eof_message& message) {
  packet_builder packet(out, sequence);
  payload_writer payload = packet.payload();
  payload.integer(0xfe, 1);
  payload.integer(message.warnings, 2);
  payload.integer(message.status, 2);
  packet.finish();
}

} // namespace holdwater::protocol
