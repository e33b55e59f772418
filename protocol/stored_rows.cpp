#include "protocol/stored_rows.hpp"

namespace holdwater::protocol {
namespace {

constexpr std::uint8_t null_byte = 0xfb;

// The next packet's payload; nothing at the end. Precondition: whole packets, as read_stored_result() says.
std::optional<byte_span> take_packet(byte_span& left) {
  if (left.size() < packet_header_size) return std::nullopt;
  const auto size = read_packet_header(left.data()).payload_size;
  const auto payload = left.subspan(packet_header_size, size);
  left = left.subspan(packet_header_size + size);
  return payload;
}

} // namespace

std::optional<stored_parts> read_stored_parts(byte_span stored, std::size_t most_rows) {
  const auto head = read_stored_result(stored);
  if (!head) return std::nullopt;
  stored_parts out;
  out.head = *head;
  auto left = head->packets;
  for (std::uint64_t i = 0; head->defined && i < head->columns; ++i) take_packet(left);
  out.definitions = head->packets.first(head->packets.size() - left.size());
  while (const auto row = take_packet(left)) {
    if (out.rows.size() == most_rows) return std::nullopt;
    out.rows.push_back(*row);
  }
  return out;
}

void store_with_rows(const stored_parts& like, const std::vector<byte_buffer>& rows, byte_buffer& out) {
  out.clear();
  payload_writer write(out);
  write.integer(stored_result_kind, 1);
  write.lenenc_integer(like.head.columns);
  write.integer(like.head.defined ? 1 : 0, 1);
  write.integer(like.head.definitions, 8);
  write.integer(like.head.status, 2);
  write.integer(like.head.warnings, 2);
  write.bytes(like.definitions);
  for (const auto& row : rows) append_message(out, 0, row);
}

std::optional<std::vector<defined_column>> read_definitions(byte_span packets, std::uint64_t columns,
                                                            capabilities negotiated) {
  std::vector<defined_column> all;
  for (; columns > 0; --columns) {
    const auto payload = take_packet(packets);
    if (!payload) return std::nullopt;
    payload_reader in(*payload);
    defined_column one;
    in.lenenc_string(); // catalogue
    one.schema = in.lenenc_string();
    in.lenenc_string(); // the table's alias
    one.original_table = in.lenenc_string();
    in.lenenc_string(); // the column's alias
    one.original_name = in.lenenc_string();
    if ((negotiated & cap::mariadb_extended_metadata) != 0) in.lenenc_string();
    in.lenenc_integer(); // size of what follows
    in.skip(2 + 4);      // collation, length
    one.type = static_cast<std::uint8_t>(in.integer(1));
    one.flags = static_cast<std::uint16_t>(in.integer(2));
    one.decimals = static_cast<std::uint8_t>(in.integer(1));
    if (in.failed()) return std::nullopt;
    all.push_back(one);
  }
  return all;
}

std::optional<std::vector<byte_span>> split_text_row(byte_span row, std::size_t columns) {
  payload_reader in(row);
  std::vector<byte_span> values;
  for (; columns > 0; --columns) {
    const auto at = row.size() - in.remaining();
    if (in.remaining() == 0) return std::nullopt;
    if (row[at] == null_byte)
      in.skip(1);
    else
      in.lenenc_string();
    if (in.failed()) return std::nullopt;
    values.push_back(row.subspan(at, row.size() - in.remaining() - at));
  }
  if (in.remaining() > 0) return std::nullopt;
  return values;
}

std::optional<binary_values> split_binary_row(byte_span row, const std::vector<std::size_t>& sizes) {
  const auto head = 1 + (sizes.size() + 9) / 8;
  if (row.size() < head || row[0] != 0) return std::nullopt;
  payload_reader in(row);
  in.skip(head);
  binary_values out;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const bool null = (row[1 + (i + 2) / 8] >> ((i + 2) % 8) & 1) != 0;
    out.nulls.push_back(null);
    const auto at = row.size() - in.remaining();
    if (!null && sizes[i] > 0) in.skip(sizes[i]);
    if (!null && sizes[i] == 0) in.lenenc_string();
    if (in.failed()) return std::nullopt;
    out.values.push_back(row.subspan(at, row.size() - in.remaining() - at));
  }
  if (in.remaining() > 0) return std::nullopt;
  return out;
}

} // namespace holdwater::protocol
