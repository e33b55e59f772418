// A locally made text result set: column count, definitions, rows, in the form that the capabilities ask for;
// and the rows of a server's.
//
// Source: MySQL "Text Resultset"; MariaDB "Result Set Packets" (the metadata byte behind the column count).
#include "protocol/column_definition.hpp"
#include "protocol/messages.hpp"
#include "protocol/packet_builder.hpp"

namespace holdwater::protocol {
namespace {

constexpr std::uint8_t null_byte = 0xfb;

bool names_metadata_byte(capabilities negotiated) {
  return (negotiated & (cap::optional_resultset_metadata | cap::mariadb_cache_metadata)) != 0;
}

void append_column_count(byte_buffer& out, std::uint8_t sequence, std::size_t count,
                         capabilities negotiated) {
  packet_builder packet(out, sequence);
  payload_writer payload = packet.payload();
  payload.lenenc_integer(count);
  if (names_metadata_byte(negotiated)) payload.integer(1, 1);
  packet.finish();
}

std::uint8_t append_row(byte_buffer& out, std::uint8_t sequence, const std::vector<std::string>& row) {
  byte_buffer payload;
  for (const std::string& value : row) payload_writer(payload).lenenc_string(value);
  return append_message(out, sequence, payload);
}

} // namespace

void append_text_result_set(byte_buffer& out, std::uint8_t sequence, const text_result_set& set,
                            std::uint16_t status, std::uint16_t warnings, capabilities negotiated) {
  const bool with_eof = (negotiated & cap::deprecate_eof) == 0;
  append_column_count(out, sequence++, set.columns.size(), negotiated);
  for (const std::string& name : set.columns)
    append_column_definition(out, sequence++, {.name = name}, negotiated);
  if (with_eof) append_eof(out, sequence++, {warnings, status});
  for (const auto& row : set.rows) sequence = append_row(out, sequence, row);
  if (with_eof) return append_eof(out, sequence, {warnings, status});
  ok_message end;
  end.status = status;
  end.warnings = warnings;
  append_ok(out, sequence, end, negotiated, 0xfe);
}

result<text_row> parse_text_row(byte_span payload, std::uint64_t columns) {
  if (columns > payload.size()) return errc::malformed_packet; // each value has a byte at least
  payload_reader in(payload);
  text_row row;
  for (; columns > 0 && !in.failed(); --columns) {
    const bool null = in.remaining() > 0 && payload[payload.size() - in.remaining()] == null_byte;
    if (null) in.skip(1);
    row.emplace_back(null ? std::nullopt : std::optional<std::string>(in.lenenc_string()));
  }
  if (in.failed() || in.remaining() > 0) return errc::malformed_packet;
  return row;
}

} // namespace holdwater::protocol
