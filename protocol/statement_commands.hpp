// The commands that name a prepared statement by its id, and the parameter types in the two that execute one.
// A client sends the types with the first execute and may leave them out afterwards; whoever prepares the
// statement anew must send them again.
//
// Source: MySQL "COM_STMT_EXECUTE", "COM_STMT_SEND_LONG_DATA", "COM_STMT_FETCH"; MariaDB knowledge base
// "COM_STMT_EXECUTE", "COM_STMT_BULK_EXECUTE".
// Worked example: 17 | 01 00 00 00 | 00 | 01 00 00 00 | 00 | 01 | 03 00 | 2a 00 00 00 executes statement 1
// with no cursor, once, no NULL, types follow, one LONG, 42. In 17 | 01 00 00 00 | 00 | 01 00 00 00 | 00 | 00
// | 2a 00 00 00 the types are as before.
#pragma once

#include "protocol/capabilities.hpp"
#include "protocol/command.hpp"
#include "protocol/packet.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace holdwater::protocol {

// MariaDB: the statement that was prepared last.
inline constexpr std::uint32_t last_prepared_statement = 0xffffffff;

inline constexpr std::size_t statement_id_at = 1; // in the payload, 4 bytes
inline constexpr std::size_t cursor_flags_at = 5; // of an execution
inline constexpr std::size_t execute_head = 10;   // command, id, cursor flags, iteration count

[[nodiscard]] inline bool names_statement(command code) {
  return (code >= command::stmt_execute && code <= command::stmt_reset) || code == command::stmt_fetch ||
         code == command::stmt_bulk_execute;
}

[[nodiscard]] inline bool executes_statement(command code) {
  return code == command::stmt_execute || code == command::stmt_bulk_execute;
}

// The id in the payload of a command that names a statement; 0, which no statement has, when it is cut short.
[[nodiscard]] inline std::uint32_t statement_id_of(byte_span payload) {
  if (payload.size() < statement_id_at + 4) return 0;
  const auto* at = payload.data() + statement_id_at;
  return static_cast<std::uint32_t>(at[0] | at[1] << 8 | at[2] << 16) | static_cast<std::uint32_t>(at[3])
                                                                            << 24;
}

// COM_STMT_EXECUTE is whole up to its values, and asks for its rows at once: for no cursor of any type.
[[nodiscard]] inline bool executes_without_cursor(byte_span payload) {
  constexpr std::uint8_t cursor_types = 0x07;
  return payload.size() >= execute_head && (payload[cursor_flags_at] & cursor_types) == 0;
}

// COM_STMT_PREPARE, COM_STMT_CLOSE, framed.
void append_prepare(byte_buffer& out, std::string_view text);
void append_close(byte_buffer& out, std::uint32_t id);
// An id as it stands in a payload.
[[nodiscard]] constexpr std::array<std::uint8_t, 4> id_bytes(std::uint32_t id) {
  return {static_cast<std::uint8_t>(id), static_cast<std::uint8_t>(id >> 8),
          static_cast<std::uint8_t>(id >> 16), static_cast<std::uint8_t>(id >> 24)};
}

// Where the types are in COM_STMT_EXECUTE or COM_STMT_BULK_EXECUTE.
struct parameter_types {
  bool understood = false; // false: cut short, or without parameters; nothing else is set then
  bool sent = false;       // the types are there
  std::size_t flag_at = 0; // of the byte (bulk: two bytes) that says whether they are
  std::size_t types_at = 0;
  std::size_t types_size = 0; // 0 unless sent
  std::uint64_t count = 0;    // of parameters, query attributes included
};
// `parameters`: as COM_STMT_PREPARE's answer said.
[[nodiscard]] parameter_types find_parameter_types(byte_span payload, std::uint16_t parameters,
                                                   capabilities negotiated);

// The same command with `types` sent. Precondition: `where` was found in `payload`, not sent.
[[nodiscard]] byte_buffer with_parameter_types(byte_span payload, const parameter_types& where,
                                               byte_span types);

} // namespace holdwater::protocol
