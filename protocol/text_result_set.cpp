// A locally made text result set: column count, definitions, rows, in the form that the capabilities ask for;
// and the rows of a server's.
//
// Source: MySQL "Text Resultset"; MariaDB "Result Set Packets" (the metadata byte behind the column count).
#include "protocol/column_definition.hpp"
#include "protocol/messages.hpp"
#include "protocol/packet_builder.hpp"

#include <algorithm>

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

std::uint8_t append_row(byte_buffer& out, std::uint8_t sequence, const text_row& row) {
  byte_buffer payload;
  payload_writer write(payload);
  for (const auto& value : row) {
    if (value)
      write.lenenc_string(*value);
    else
      write.integer(null_byte, 1);
  }
  return append_message(out, sequence, payload);
}

// As servers describe an integer expression; a text column's are column_definition's defaults.
column_definition describe(const text_result_set& set, std::size_t number) {
  constexpr std::uint16_t not_null = 0x0001, binary = 0x0080;
  const auto& column = set.columns[number];
  const bool has_null =
      std::any_of(set.rows.begin(), set.rows.end(), [&](const text_row& row) { return !row.at(number); });
  column_definition out{.name = column.name};
  if (column.integer) {
    out.collation = 63; // binary
    out.length = 21;
    out.type = 8; // LONGLONG
    out.flags = not_null | binary;
    out.decimals = 0;
  }
  if (has_null) out.flags = static_cast<std::uint16_t>(out.flags & ~not_null);
  return out;
}

} // namespace

void append_text_result_set(byte_buffer& out, std::uint8_t sequence, const text_result_set& set,
                            std::uint16_t status, std::uint16_t warnings, capabilities negotiated) {
  const bool with_eof = (negotiated & cap::deprecate_eof) == 0;
  append_column_count(out, sequence++, set.columns.size(), negotiated);
  for (std::size_t i = 0; i < set.columns.size(); ++i)
    append_column_definition(out, sequence++, describe(set, i), negotiated);
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
