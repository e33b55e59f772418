// A stored result taken apart and put together again: with no row, or with another one.
//
// Source: MySQL "Protocol::ColumnDefinition41", "Text Resultset Row", "Binary Protocol Resultset Row".
#pragma once

#include "protocol/column_definition.hpp"
#include "protocol/stored_answer.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace holdwater::protocol {

struct stored_parts {
  stored_result head;          // its packets are those of both
  byte_span definitions;       // their packets; empty when they are left out
  std::vector<byte_span> rows; // their payloads
};
// Nothing: it is no stored result, or has more than `most_rows`.
[[nodiscard]] std::optional<stored_parts> read_stored_parts(byte_span stored, std::size_t most_rows);

// Writes over `out`: the same head and definitions, with these rows' payloads.
void store_with_rows(const stored_parts& like, const std::vector<byte_buffer>& rows, byte_buffer& out);

// A column as a server defines it; views point into `packets`.
struct defined_column {
  std::string_view schema, original_table, original_name;
  std::uint8_t type = 0;
  std::uint16_t flags = 0;
  std::uint8_t decimals = 0;
};
[[nodiscard]] std::optional<std::vector<defined_column>>
read_definitions(byte_span packets, std::uint64_t columns, capabilities negotiated);

// The bytes of each value of a row: in text with its length before it, NULL as its byte; in binary as they
// stand there, and empty for NULL. Nothing: the row is not readable. `sizes`, of binary: how long a value of
// each column is, 0 where its length is before it.
[[nodiscard]] std::optional<std::vector<byte_span>> split_text_row(byte_span row, std::size_t columns);
struct binary_values {
  std::vector<byte_span> values;
  std::vector<bool> nulls;
};
[[nodiscard]] std::optional<binary_values> split_binary_row(byte_span row,
                                                            const std::vector<std::size_t>& sizes);

} // namespace holdwater::protocol
