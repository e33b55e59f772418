#include "protocol/statement_values.hpp"

#include "protocol/column_definition.hpp"
#include "protocol/messages.hpp"
#include "protocol/packet_builder.hpp"
#include "protocol/statement_commands.hpp"

#include <optional>

namespace holdwater::protocol {
namespace {

constexpr std::uint8_t unsigned_flag = 0x80; // in the byte behind a type
constexpr std::uint8_t type_null = 6;
constexpr std::size_t most_rows = 1 << 20; // of a bulk execute: each has a byte at least

enum class form : std::uint8_t { fixed, counted_byte, counted, nothing };
struct encoding {
  form as = form::nothing;
  std::size_t width = 0; // of `fixed`
};

std::optional<encoding> encoding_of(std::uint8_t type) {
  switch (type) {
  case type_null: return encoding{form::nothing, 0};
  case 1:                                          // TINY
  case 244: return encoding{form::fixed, 1};       // BOOL
  case 2:                                          // SHORT
  case 13: return encoding{form::fixed, 2};        // YEAR
  case 3:                                          // LONG
  case 4:                                          // FLOAT
  case 9: return encoding{form::fixed, 4};         // INT24
  case 5:                                          // DOUBLE
  case 8: return encoding{form::fixed, 8};         // LONGLONG
  case 7:                                          // TIMESTAMP
  case 10:                                         // DATE
  case 11:                                         // TIME
  case 12: return encoding{form::counted_byte, 0}; // DATETIME
  case 0:                                          // DECIMAL
  case 15:                                         // VARCHAR
  case 16:                                         // BIT
  case 242: return encoding{form::counted, 0};     // VECTOR
  default: break;
  }
  // JSON, NEWDECIMAL, ENUM, SET, the BLOBs, VAR_STRING, STRING, GEOMETRY
  return type >= 245 ? std::optional(encoding{form::counted, 0}) : std::nullopt;
}

bool read_one(payload_reader& in, bound_value& value) {
  const auto encoded = encoding_of(value.type);
  if (!encoded) return false;
  switch (encoded->as) {
  case form::nothing: value.what = bound_value::kind::null; break;
  case form::fixed: value.bytes = in.fixed_string(encoded->width); break;
  case form::counted_byte: value.bytes = in.fixed_string(in.integer(1)); break;
  case form::counted: value.bytes = in.lenenc_string(); break;
  }
  return true;
}

// The types of `count` values, each followed by a name when `named`.
bool read_types(byte_span types, std::uint64_t count, bool named, bound_row& row) {
  payload_reader in(types);
  for (auto& value : row) {
    value.type = static_cast<std::uint8_t>(in.integer(1));
    value.is_unsigned = (in.integer(1) & unsigned_flag) != 0;
    if (named) static_cast<void>(in.lenenc_string());
  }
  return !in.failed() && row.size() <= count;
}

result<std::vector<bound_row>> read_bulk(byte_span payload, const parameter_types& where,
                                         const bound_row& typed) {
  std::vector<bound_row> rows;
  payload_reader in(payload.subspan(where.types_at + where.types_size));
  while (in.remaining() > 0) {
    if (rows.size() == most_rows) return errc::malformed_packet;
    auto& row = rows.emplace_back(typed);
    for (auto& value : row) {
      switch (in.integer(1)) {
      case 0:
        if (!read_one(in, value)) return errc::unknown_type;
        break;
      case 1: value.what = bound_value::kind::null; break;
      case 2: value.what = bound_value::kind::by_default; break;
      case 3: value.what = bound_value::kind::ignored; break;
      default: return errc::malformed_packet;
      }
    }
    if (in.failed()) return errc::malformed_packet;
  }
  if (rows.empty()) return errc::malformed_packet;
  return rows;
}

} // namespace

result<std::vector<bound_row>> read_values(byte_span payload, std::uint16_t parameters, byte_span types,
                                           capabilities negotiated, const std::vector<bool>& sent_before) {
  if (payload.empty()) return errc::malformed_packet;
  const bool bulk = static_cast<command>(payload[0]) == command::stmt_bulk_execute;
  bound_row row(parameters);
  if (parameters == 0) return std::vector<bound_row>{row};
  const auto where = find_parameter_types(payload, parameters, negotiated);
  if (!where.understood || where.count < parameters) return errc::malformed_packet;
  const bool named = !bulk && (negotiated & cap::query_attributes) != 0;
  const auto typed = where.sent ? payload.subspan(where.types_at, where.types_size) : types;
  if (!read_types(typed, where.count, named, row)) return errc::malformed_packet;
  if (bulk) return read_bulk(payload, where, row);

  const auto nulls = payload.subspan(where.flag_at - (where.count + 7) / 8, (where.count + 7) / 8);
  payload_reader in(payload.subspan(where.types_at + where.types_size));
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (i < sent_before.size() && sent_before[i])
      row[i].what = bound_value::kind::elsewhere;
    else if ((nulls[i / 8] >> (i % 8) & 1) != 0)
      row[i].what = bound_value::kind::null;
    else if (!read_one(in, row[i]))
      return errc::unknown_type;
  }
  if (in.failed()) return errc::malformed_packet;
  return std::vector<bound_row>{row};
}

void append_prepared(byte_buffer& out, std::uint8_t sequence, std::uint32_t id, std::uint16_t parameters,
                     const text_result_set& columns, std::uint16_t status, capabilities negotiated) {
  const bool with_eof = (negotiated & cap::deprecate_eof) == 0;
  packet_builder packet(out, sequence++);
  payload_writer payload = packet.payload();
  payload.integer(0x00, 1);
  payload.integer(id, 4);
  payload.integer(columns.columns.size(), 2);
  payload.integer(parameters, 2);
  payload.zeros(1);
  payload.integer(0, 2); // warnings
  if ((negotiated & cap::optional_resultset_metadata) != 0) payload.integer(1, 1);
  packet.finish();
  for (std::uint16_t i = 0; i < parameters; ++i)
    append_column_definition(out, sequence++, {"?", 63, 0, 0xfd, 0x0080, 0, {}, {}, {}},
                             negotiated); // binary
  if (parameters > 0 && with_eof) append_eof(out, sequence++, {0, status});
  for (std::size_t i = 0; i < columns.columns.size(); ++i)
    append_column_definition(out, sequence++, definition_of(columns, i), negotiated);
  if (!columns.columns.empty() && with_eof) append_eof(out, sequence, {0, status});
}

} // namespace holdwater::protocol
