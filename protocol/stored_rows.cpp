#include "protocol/stored_rows.hpp"

#include "protocol/packet_builder.hpp"

#include <cassert>

namespace holdwater::protocol {

namespace type = column_type;

namespace {

constexpr std::uint8_t null_byte = 0xfb;   // of a text row
constexpr std::size_t null_bits_begin = 2; // of a binary row
constexpr std::uint8_t result_kind = 1;

// Bytes of a binary value of that type; 0: its length is before it, 1: a byte, 2: an integer of variable
// length.
struct binary_form {
  std::size_t width = 0;
  bool short_length = false;
  bool known = true;
};

binary_form form_of(std::uint8_t of) {
  switch (of) {
  case type::tiny: return {1};
  case type::short_:
  case type::year: return {2};
  case type::long_:
  case type::int24:
  case type::float_: return {4};
  case type::longlong:
  case type::double_: return {8};
  case type::timestamp:
  case type::date:
  case type::time:
  case type::datetime: return {0, true};
  case type::null: return {0, false, false};
  default: return {0};
  }
}

} // namespace

bool read_column::is_integer() const {
  return type == type::tiny || type == type::short_ || type == type::int24 || type == type::long_ ||
         type == type::longlong;
}

std::size_t read_column::width() const {
  return form_of(type).width;
}

result<stored_rows> stored_rows::read(const stored_result& one, row_shape shape, bool extended) {
  assert(one.defined);
  stored_rows out;
  out.from_ = one;
  out.shape_ = shape;
  for (std::size_t at = 0; at < one.packets.size();) {
    const auto size = read_packet_header(one.packets.data() + at).payload_size;
    const auto payload = one.packets.subspan(at + packet_header_size, size);
    const bool defines = out.columns_.size() < one.columns;
    if (!(defines ? out.take_definition(payload, extended) : out.take_row(payload)))
      return errc::malformed_packet;
    at += packet_header_size + size;
    if (defines) out.definitions_ = at;
  }
  if (out.columns_.size() != one.columns) return errc::malformed_packet;
  return out;
}

bool stored_rows::take_definition(byte_span payload, bool extended) {
  constexpr std::uint64_t fixed_size = 12;
  payload_reader in(payload);
  read_column column;
  for (int ignored = 0; ignored < 5; ++ignored) // catalog, schema, table, original table, name
    static_cast<void>(in.lenenc_string());
  column.original_name = in.lenenc_string();
  if (extended) column.special = !in.lenenc_string().empty();
  if (in.lenenc_integer() != fixed_size) return false;
  column.collation = static_cast<std::uint16_t>(in.integer(2));
  column.length = static_cast<std::uint32_t>(in.integer(4));
  column.type = static_cast<std::uint8_t>(in.integer(1));
  column.flags = static_cast<std::uint16_t>(in.integer(2));
  columns_.push_back(column);
  return !in.failed();
}

bool stored_rows::take_row(byte_span payload) {
  auto& row = rows.emplace_back();
  payload_reader in(payload);
  if (shape_ == row_shape::text) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const auto at = payload.size() - in.remaining();
      if (in.remaining() > 0 && payload[at] == null_byte) {
        in.skip(1);
        row.emplace_back();
      } else {
        row.emplace_back(std::string(in.lenenc_string()));
      }
    }
    return !in.failed() && in.remaining() == 0;
  }
  if (in.integer(1) != 0) return false;
  const auto nulls = in.fixed_string((columns_.size() + null_bits_begin + 7) / 8);
  if (in.failed()) return false;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const auto bit = i + null_bits_begin;
    auto& value = row.emplace_back();
    const bool is_null = (static_cast<unsigned char>(nulls[bit / 8]) >> (bit % 8) & 1) != 0;
    if (!is_null && !take_binary_value(in, columns_[i], value)) return false;
  }
  return !in.failed() && in.remaining() == 0;
}

bool stored_rows::take_binary_value(payload_reader& in, const read_column& column, sent_value& out) const {
  const auto form = form_of(column.type);
  if (!form.known) return false;
  if (form.width > 0)
    out = std::string(in.fixed_string(form.width));
  else if (form.short_length)
    out = std::string(in.fixed_string(in.integer(1)));
  else
    out = std::string(in.lenenc_string());
  return !in.failed();
}

byte_buffer stored_rows::write() const {
  byte_buffer out;
  payload_writer head(out);
  head.integer(result_kind, 1);
  head.lenenc_integer(from_.columns);
  head.integer(1, 1); // defined
  head.integer(0, 8);
  head.integer(from_.status, 2);
  head.integer(from_.warnings, 2);
  head.bytes(from_.packets.first(definitions_));
  for (const auto& row : rows) append_row(out, row);
  return out;
}

void stored_rows::append_row(byte_buffer& out, const sent_row& row) const {
  assert(row.size() == columns_.size());
  packet_builder packet(out, 0);
  auto payload = packet.payload();
  if (shape_ == row_shape::text) {
    for (const auto& value : row)
      if (value)
        payload.lenenc_string(*value);
      else
        payload.integer(null_byte, 1);
    return packet.finish();
  }
  payload.integer(0, 1);
  std::string nulls((columns_.size() + null_bits_begin + 7) / 8, '\0');
  for (std::size_t i = 0; i < row.size(); ++i)
    if (const auto bit = i + null_bits_begin; !row[i])
      nulls[bit / 8] = static_cast<char>(static_cast<unsigned char>(nulls[bit / 8]) | 1u << (bit % 8));
  payload.bytes(nulls);
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (!row[i]) continue;
    const auto form = form_of(columns_[i].type);
    if (form.width == 0 && !form.short_length) {
      payload.lenenc_string(*row[i]);
      continue;
    }
    if (form.short_length) payload.integer(row[i]->size(), 1);
    payload.bytes(*row[i]);
  }
  packet.finish();
}

} // namespace holdwater::protocol
