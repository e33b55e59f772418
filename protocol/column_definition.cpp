#include "protocol/column_definition.hpp"

#include "protocol/packet_builder.hpp"

namespace holdwater::protocol {

void append_column_definition(byte_buffer& out, std::uint8_t sequence, const column_definition& column,
                              capabilities negotiated) {
  constexpr std::uint8_t fixed_fields_size = 0x0c;
  packet_builder packet(out, sequence);
  payload_writer payload = packet.payload();
  payload.lenenc_string("def");
  payload.lenenc_string(column.schema);
  payload.lenenc_string(column.table);
  payload.lenenc_string(column.table);
  payload.lenenc_string(column.name);
  payload.lenenc_string(column.original_name);
  if ((negotiated & cap::mariadb_extended_metadata) != 0) payload.lenenc_string({});
  payload.integer(fixed_fields_size, 1);
  payload.integer(column.collation, 2);
  payload.integer(column.length, 4);
  payload.integer(column.type, 1);
  payload.integer(column.flags, 2);
  payload.integer(column.decimals, 1);
  payload.zeros(2);
  packet.finish();
}

} // namespace holdwater::protocol
