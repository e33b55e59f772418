// A locally made result set: column count, definitions, rows, in the form that the capabilities ask for; and
// the rows of a server's.
//
// Source: MySQL "Text Resultset", "Binary Protocol Resultset"; MariaDB "Result Set Packets" (the metadata
// byte behind the column count).
#include "protocol/messages.hpp"
#include "protocol/packet_builder.hpp"

#include <algorithm>
#include <bit>
#include <charconv>

namespace holdwater::protocol {
namespace {

constexpr std::uint8_t null_byte = 0xfb;
constexpr std::uint8_t type_tiny = 1, type_short = 2, type_int24 = 9, type_long = 3, type_double = 5,
                       type_longlong = 8;

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

template <class T>
T number_in(const std::string& text) {
  T value{};
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void write_value(payload_writer& write, std::uint8_t type, const std::string& text) {
  const auto integer = [&] {
    return text.starts_with('-') ? static_cast<std::uint64_t>(number_in<std::int64_t>(text))
                                 : number_in<std::uint64_t>(text);
  };
  switch (type) {
  case type_tiny: return write.integer(static_cast<std::uint8_t>(integer()), 1);
  case type_short: return write.integer(static_cast<std::uint16_t>(integer()), 2);
  case type_int24:
  case type_long: return write.integer(static_cast<std::uint32_t>(integer()), 4);
  case type_longlong: return write.integer(integer(), 8);
  case type_double: return write.integer(std::bit_cast<std::uint64_t>(number_in<double>(text)), 8);
  default: return write.lenenc_string(text);
  }
}

// A zero byte, a bitmap of NULLs whose first two bits are not used, the values.
std::uint8_t append_binary_row(byte_buffer& out, std::uint8_t sequence, const text_result_set& set,
                               const text_row& row) {
  byte_buffer payload(1 + (row.size() + 9) / 8);
  for (std::size_t i = 0; i < row.size(); ++i)
    if (!row[i]) payload[1 + (i + 2) / 8] |= static_cast<std::uint8_t>(1u << ((i + 2) % 8));
  payload_writer write(payload);
  for (std::size_t i = 0; i < row.size(); ++i)
    if (row[i]) write_value(write, set.columns[i].described.type, *row[i]);
  return append_message(out, sequence, payload);
}

} // namespace

column_definition definition_of(const text_result_set& set, std::size_t column) {
  constexpr std::uint16_t not_null = 0x0001;
  auto out = set.columns[column].described;
  out.name = set.columns[column].name;
  const bool has_null =
      std::any_of(set.rows.begin(), set.rows.end(), [&](const text_row& row) { return !row.at(column); });
  if (has_null) out.flags = static_cast<std::uint16_t>(out.flags & ~not_null);
  return out;
}

void append_text_result_set(byte_buffer& out, std::uint8_t sequence, const text_result_set& set,
                            std::uint16_t status, std::uint16_t warnings, capabilities negotiated,
                            row_form form) {
  const bool with_eof = (negotiated & cap::deprecate_eof) == 0;
  status = static_cast<std::uint16_t>(status | set.status);
  append_column_count(out, sequence++, set.columns.size(), negotiated);
  for (std::size_t i = 0; i < set.columns.size(); ++i)
    append_column_definition(out, sequence++, definition_of(set, i), negotiated);
  if (with_eof) append_eof(out, sequence++, {warnings, status});
  for (const auto& row : set.rows)
    sequence =
        form == row_form::text ? append_row(out, sequence, row) : append_binary_row(out, sequence, set, row);
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
