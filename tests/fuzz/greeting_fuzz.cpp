// A server's greeting: what was read is written, and reads the same again.
#include "protocol/handshake.hpp"
#include "tests/fuzz/check.hpp"

using namespace holdwater::protocol;
using holdwater::fuzz::input;
using holdwater::fuzz::must;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  input in(data, size);
  const auto read = parse_greeting(as_bytes(in.rest()));
  if (read.has_error()) return 0;
  byte_buffer packet;
  append_greeting(packet, 0, *read);
  const auto again = parse_greeting(byte_span(packet).subspan(packet_header_size));
  must(again.has_value(), "a greeting that was read can be written and read again");
  must(again->server_version == read->server_version, "the version stays");
  must(again->connection_id == read->connection_id, "the connection id stays");
  must(again->salt == read->salt, "the salt stays");
  must(again->server_capabilities == read->server_capabilities, "the capabilities stay");
  must(again->character_set == read->character_set, "the character set stays");
  must(again->status == read->status, "the status stays");
  must(again->auth_plugin == read->auth_plugin, "the plugin stays");
  must(parse_server_version(read->server_version).number <= 999999, "a version has two digits for each part");
  return 0;
}
