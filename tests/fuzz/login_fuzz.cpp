// What a client or a server says while a client logs in: the response, COM_CHANGE_USER, the switch of the
// plugin. What was read is written, and reads the same again.
#include "protocol/handshake.hpp"
#include "tests/fuzz/check.hpp"

using namespace holdwater::protocol;
using holdwater::fuzz::input;
using holdwater::fuzz::must;

namespace {

byte_span payload_of(const byte_buffer& packet) {
  return byte_span(packet).subspan(packet_header_size);
}

void respond(byte_span bytes) {
  must(!is_ssl_request(bytes) || bytes.size() == 32, "a request for TLS has its size");
  const auto read = parse_handshake_response(bytes);
  if (read.has_error()) return;
  byte_buffer packet;
  append_handshake_response(packet, 1, *read);
  const auto again = parse_handshake_response(payload_of(packet));
  must(again.has_value(), "a response that was read can be written and read again");
  must(again->client_capabilities == read->client_capabilities, "the capabilities stay");
  must(again->max_packet_size == read->max_packet_size, "the packet size stays");
  must(again->collation == read->collation, "the collation stays");
  must(again->user == read->user && again->database == read->database, "user and database stay");
  must(again->auth_response == read->auth_response, "the answer stays");
  must(again->auth_plugin == read->auth_plugin, "the plugin stays");
  must(again->attributes == read->attributes, "the attributes stay");
  must(again->zstd_level == read->zstd_level, "the level stays");
}

void change(byte_span bytes, capabilities negotiated) {
  const auto read = parse_change_user(bytes, negotiated);
  if (read.has_error()) return;
  byte_buffer packet;
  append_change_user(packet, 0, *read, negotiated);
  const auto again = parse_change_user(payload_of(packet), negotiated);
  must(again.has_value(), "a change of the user that was read can be written and read again");
  must(again->user == read->user && again->database == read->database, "user and database stay");
  must(again->auth_response == read->auth_response, "the answer stays");
  must(again->collation == read->collation, "the collation stays");
  must(again->auth_plugin == read->auth_plugin, "the plugin stays");
  must(again->attributes == read->attributes, "the attributes stay");
}

void switch_plugin(byte_span bytes) {
  const auto read = parse_auth_switch(bytes);
  if (read.has_error()) return;
  byte_buffer packet;
  append_auth_switch(packet, 2, *read);
  const auto again = parse_auth_switch(payload_of(packet));
  must(again.has_value(), "a switch that was read can be written and read again");
  must(again->plugin == read->plugin && again->data == read->data, "plugin and data stay");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  input in(data, size);
  const auto which = in.number(1) % 3;
  const capabilities negotiated = which == 1 ? in.number(8) : 0;
  const byte_span bytes = as_bytes(in.rest());
  if (which == 0) respond(bytes);
  if (which == 1) change(bytes, negotiated);
  if (which == 2) switch_plugin(bytes);
  return 0;
}
