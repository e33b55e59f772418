// The rows of a stored answer (stored_answer.hpp), taken apart so that some of them can be replaced, and put
// together again. Only what servers send is understood; anything else is malformed_packet.
//
// Source: MySQL "Protocol::ColumnDefinition41", "Text Resultset Row", "Binary Protocol Resultset Row";
// MariaDB "Column definition packet" (extended metadata).
#pragma once

#include "protocol/error.hpp"
#include "protocol/packet.hpp"
#include "protocol/stored_answer.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::protocol {

// Types of columns, MYSQL_TYPE_...
namespace column_type {
inline constexpr std::uint8_t tiny = 1, short_ = 2, long_ = 3, float_ = 4, double_ = 5, null = 6,
                              timestamp = 7, longlong = 8, int24 = 9, date = 10, time = 11, datetime = 12,
                              year = 13, varchar = 15, blob = 252, var_string = 253, string = 254;
}
namespace column_flag {
inline constexpr std::uint16_t not_null = 1, is_unsigned = 32, zerofill = 64, enumeration = 256,
                               auto_increment = 512, set = 2048;
}

struct read_column {
  std::string_view original_name; // of the table's column; empty for an expression. Points into the answer
  bool special = false;           // its extended metadata says that it is of another type
  std::uint16_t collation = 0;    // of what is sent
  std::uint32_t length = 0;       // bytes
  std::uint8_t type = 0;
  std::uint16_t flags = 0;

  [[nodiscard]] bool has(std::uint16_t flag) const { return (flags & flag) != 0; }
  [[nodiscard]] bool is_integer() const;
  [[nodiscard]] std::size_t width() const; // bytes of an integer's binary form
};

enum class row_shape : std::uint8_t { text, binary };

// A value as it is sent, without its length before it; nothing: NULL.
using sent_value = std::optional<std::string>;
using sent_row = std::vector<sent_value>;

class stored_rows {
 public:
  // `extended`: the definitions have MariaDB's extended metadata. Precondition: one.defined, and what it
  // points to outlives this.
  [[nodiscard]] static result<stored_rows> read(const stored_result& one, row_shape shape, bool extended);

  [[nodiscard]] const std::vector<read_column>& columns() const { return columns_; }
  [[nodiscard]] row_shape shape() const { return shape_; }
  std::vector<sent_row> rows;

  // The stored answer with these rows. Precondition: each row has a value for each column.
  [[nodiscard]] byte_buffer write() const;

 private:
  [[nodiscard]] bool take_definition(byte_span payload, bool extended);
  [[nodiscard]] bool take_row(byte_span payload);
  [[nodiscard]] bool take_binary_value(payload_reader& in, const read_column& column, sent_value& out) const;
  void append_row(byte_buffer& out, const sent_row& row) const;

  stored_result from_;
  row_shape shape_ = row_shape::text;
  std::size_t definitions_ = 0; // their bytes
  std::vector<read_column> columns_;
};

} // namespace holdwater::protocol
