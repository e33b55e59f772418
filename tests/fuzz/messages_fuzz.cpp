// OK, ERR, EOF and the text in COM_QUERY: what was read is written, and reads the same again.
#include "protocol/command.hpp"
#include "protocol/messages.hpp"
#include "tests/fuzz/check.hpp"

using namespace holdwater::protocol;
using holdwater::fuzz::input;
using holdwater::fuzz::must;

namespace {

byte_span payload_of(const byte_buffer& packet) {
  return byte_span(packet).subspan(packet_header_size);
}

void look_at_ok(byte_span bytes, capabilities negotiated) {
  const auto read = parse_ok(bytes, negotiated);
  if (read.has_error()) return;
  byte_buffer packet;
  append_ok(packet, 1, *read, negotiated, bytes.front());
  const auto again = parse_ok(payload_of(packet), negotiated);
  must(again.has_value(), "an OK that was read can be written and read again");
  must(again->affected_rows == read->affected_rows && again->last_insert_id == read->last_insert_id,
       "rows and id stay");
  must(again->status == read->status && again->warnings == read->warnings, "status and warnings stay");
  must(again->info == read->info && again->session_state == read->session_state, "what it tells stays");
}

void look_at_err(byte_span bytes) {
  const auto read = parse_err(bytes, cap::protocol_41);
  if (read.has_error()) return;
  byte_buffer packet;
  append_err(packet, 1, *read, cap::protocol_41);
  const auto again = parse_err(payload_of(packet), cap::protocol_41);
  must(again.has_value() && again->number == read->number, "an error's number stays");
  // a state stands before some text only; written alone it would be taken for text
  if (read->text.empty()) return;
  must(again->sql_state == (read->sql_state.empty() ? "HY000" : read->sql_state), "an error's state stays");
  must(again->text == read->text, "an error's text stays");
}

void look_at_eof(byte_span bytes) {
  const auto read = parse_eof(bytes);
  if (read.has_error()) return;
  byte_buffer packet;
  append_eof(packet, 1, *read);
  const auto again = parse_eof(payload_of(packet));
  must(again.has_value() && again->status == read->status && again->warnings == read->warnings,
       "an EOF stays");
}

void look_at_query(byte_span bytes, capabilities negotiated) {
  const auto read = parse_query(bytes, negotiated);
  if (read.has_error()) return;
  must(as_text(bytes).ends_with(read->text), "a statement's text ends its packet");
  const bool attributes = (negotiated & cap::query_attributes) != 0;
  must(attributes || read->text.size() + 1 == bytes.size(), "without attributes the text is all");
  must(attributes || read->attribute_count == 0, "attributes are negotiated");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  input in(data, size);
  const capabilities negotiated = in.number(8);
  const byte_span bytes = as_bytes(in.rest());
  look_at_ok(bytes, negotiated);
  look_at_err(bytes);
  look_at_eof(bytes);
  look_at_query(bytes, negotiated);
  return 0;
}
