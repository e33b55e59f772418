// The generic messages: OK, ERR and EOF, both directions.
//
// Source: MySQL "Generic Response Packets"; MariaDB's progress report is an ERR packet with error number
// 0xffff. Worked example: 00 00 00 02 00 00 00 is OK, 0 rows, insert id 0, status autocommit, 0 warnings.
#pragma once

#include "protocol/capabilities.hpp"
#include "protocol/error.hpp"
#include "protocol/packet.hpp"

#include <cstdint>
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

// A text result set of our own, as for a locally answered SHOW WARNINGS: one whole response in the EOF or
// DEPRECATE_EOF form, sequence ids from `sequence` on.
struct text_column {
  text_column(std::string name_, bool integer_ = false) : name(std::move(name_)), integer(integer_) {}
  text_column(const char* name_) : name(name_) {}
  std::string name;
  bool integer = false; // LONGLONG; otherwise VAR_STRING in utf8mb4
};
using text_row = std::vector<std::optional<std::string>>; // NULL as nothing
struct text_result_set {
  std::vector<text_column> columns;
  std::vector<text_row> rows; // each with a value for every column
};
void append_text_result_set(byte_buffer& out, std::uint8_t sequence, const text_result_set& set,
                            std::uint16_t status, std::uint16_t warnings, capabilities negotiated);

// One row of a server's text result set. It has exactly as many values as were announced.
[[nodiscard]] result<text_row> parse_text_row(byte_span payload, std::uint64_t columns);

} // namespace holdwater::protocol
