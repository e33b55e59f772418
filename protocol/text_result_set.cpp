// A locally made text result set: column count, definitions, rows, in the form that the capabilities ask for;
// and the rows of a server's.
//
// Source: MySQL "Text Resultset", "Column Definition"; MariaDB "Result Set Packets" (the metadata byte behind
// the column count, the extended-metadata field).
#include "protocol/messages.hpp"
#include "protocol/packet_builder.hpp"

namespace holdwater::protocol {
namespace {

constexpr std::uint16_t utf8mb4_general_ci = 45; // known to every MySQL and MariaDB
constexpr std::uint32_t column_length = 4 * 512; // bytes, as servers give for SHOW WARNINGS' message
constexpr std::uint8_t var_string = 0xfd;
constexpr std::uint16_t not_null = 0x0001;
constexpr std::uint8_t no_fixed_decimals = 0x1f;
constexpr std::uint8_t fixed_fields_size = 0x0c;
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

void append_column(byte_buffer& out, std::uint8_t sequence, const std::string& name,
                   capabilities negotiated) {
  packet_builder packet(out, sequence);
  payload_writer payload = packet.payload();
  payload.lenenc_string("def");
  for (int empty = 0; empty < 3; ++empty) payload.lenenc_string({}); // schema, table, original table
  payload.lenenc_string(name);
  payload.lenenc_string({}); // original name
  if ((negotiated & cap::mariadb_extended_metadata) != 0) payload.lenenc_string({});
  payload.integer(fixed_fields_size, 1);
  payload.integer(utf8mb4_general_ci, 2);
  payload.integer(column_length, 4);
  payload.integer(var_string, 1);
  payload.integer(not_null, 2);
  payload.integer(no_fixed_decimals, 1);
  payload.zeros(2);
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
  for (const std::string& name : set.columns) append_column(out, sequence++, name, negotiated);
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
