// The generic messages: OK, ERR and EOF, both directions.
//
// Source: MySQL "Generic Response Packets"; MariaDB's progress report is an ERR packet with error number
// 0xffff. Worked example: 00 00 00 02 00 00 00 is OK, 0 rows, insert id 0, status autocommit, 0 warnings.
#pragma once

#include "protocol/capabilities.hpp"
#include "protocol/column_definition.hpp"
#include "protocol/error.hpp"
#include "protocol/packet.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::protocol {

struct ok_message {
  std::uint64_t affected_rows = 0;
  std::uint64_t last_insert_id = 0;
  std::uint16_t status = 0;       // server_status flags
  std::uint16_t warnings = 0;     // how many
  std::string_view info;          // human-readable
  std::string_view session_state; // raw session-state-change block, empty when none
};

struct err_message {
  std::uint16_t number = 0;   // e.g. 1213
  std::string_view sql_state; // five characters, e.g. "40001"; empty before the handshake
  std::string_view text;
};

struct eof_message {
  std::uint16_t warnings = 0;
  std::uint16_t status = 0;
};

inline constexpr std::uint16_t progress_report_number = 0xffff; // MariaDB: not an error, more follows

// `payload` includes the first byte (0x00, or 0xfe for an OK that ends rows).
[[nodiscard]] result<ok_message> parse_ok(byte_span payload, capabilities negotiated);
[[nodiscard]] result<err_message> parse_err(byte_span payload, capabilities negotiated);
[[nodiscard]] result<eof_message> parse_eof(byte_span payload);

// Each appends one whole packet (header and payload). `first_byte` of OK: 0x00, or 0xfe where an OK ends
// rows.
void append_ok(byte_buffer& out, std::uint8_t sequence, const ok_message& message, capabilities negotiated,
               std::uint8_t first_byte = 0x00);
void append_err(byte_buffer& out, std::uint8_t sequence, const err_message& message, capabilities negotiated);
void append_eof(byte_buffer& out, std::uint8_t sequence, const eof_message& message);

// A result set of our own, as for a locally answered SHOW WARNINGS.
struct text_column {
  text_column(std::string name_, bool integer = false) : name(std::move(name_)) {
    if (integer) described = {{}, 63, 21, 8, 0x0081, 0, {}, {}, {}}; // a LONGLONG, NOT_NULL and BINARY
  }
  text_column(const char* name_) : name(name_) {}
  text_column(std::string name_, const column_definition& described_)
      : name(std::move(name_)), described(described_) {}
  std::string name;
  column_definition
      described; // but for its name. The other texts in it outlive the column, or are in `texts`
  std::shared_ptr<const std::vector<std::string>> texts;
};
using text_row = std::vector<std::optional<std::string>>; // NULL as nothing
struct text_result_set {
  std::vector<text_column> columns;
  std::vector<text_row> rows; // each with a value for every column
  std::uint16_t status = 0;   // flags besides the session's
};
// What the values look like: as text, or as the answer to COM_STMT_EXECUTE has them.
enum class row_form : std::uint8_t { text, binary };
// One whole response in the EOF or DEPRECATE_EOF form, sequence ids from `sequence` on.
void append_text_result_set(byte_buffer& out, std::uint8_t sequence, const text_result_set& set,
                            std::uint16_t status, std::uint16_t warnings, capabilities negotiated,
                            row_form form = row_form::text);
// The definition of a column, as it stands before the rows.
[[nodiscard]] column_definition definition_of(const text_result_set& set, std::size_t column);

// One row of a server's text result set. It has exactly as many values as were announced.
[[nodiscard]] result<text_row> parse_text_row(byte_span payload, std::uint64_t columns);

} // namespace holdwater::protocol
