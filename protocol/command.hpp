// The command phase, client to server: command bytes and what kind of answer each one gets.
//
// Source: MySQL "Command Phase"; MariaDB knowledge base "COM_STMT_BULK_EXECUTE".
#pragma once

#include "protocol/capabilities.hpp"
#include "protocol/error.hpp"
#include "protocol/packet.hpp"

#include <cstdint>
#include <string_view>

namespace holdwater::protocol {

enum class command : std::uint8_t {
  sleep = 0x00,
  quit = 0x01,
  init_db = 0x02,
  query = 0x03,
  field_list = 0x04,
  create_db = 0x05,
  drop_db = 0x06,
  refresh = 0x07,
  shutdown = 0x08,
  statistics = 0x09,
  process_info = 0x0a,
  connect = 0x0b,
  process_kill = 0x0c,
  debug = 0x0d,
  ping = 0x0e,
  time = 0x0f,
  delayed_insert = 0x10,
  change_user = 0x11,
  binlog_dump = 0x12,
  table_dump = 0x13,
  connect_out = 0x14,
  register_replica = 0x15,
  stmt_prepare = 0x16,
  stmt_execute = 0x17,
  stmt_send_long_data = 0x18,
  stmt_close = 0x19,
  stmt_reset = 0x1a,
  set_option = 0x1b,
  stmt_fetch = 0x1c,
  daemon = 0x1d,
  binlog_dump_gtid = 0x1e,
  reset_connection = 0x1f,
  clone = 0x20,
  subscribe_group_replication = 0x21,
  stmt_bulk_execute = 0xfa, // MariaDB
};

[[nodiscard]] std::string_view name_of(command value); // "COM_QUERY"; "unknown command" otherwise

// What the server sends back.
enum class answer_kind : std::uint8_t {
  nothing,        // COM_QUIT, COM_STMT_CLOSE, COM_STMT_SEND_LONG_DATA
  ok_or_err,      // one packet: OK, ERR, or EOF (COM_SET_OPTION, COM_DEBUG, COM_SHUTDOWN)
  text_line,      // one packet: COM_STATISTICS
  result_sets,    // OK, ERR, LOCAL INFILE or result sets, perhaps several
  prepared,       // COM_STMT_PREPARE_OK, then parameter and column definitions
  column_list,    // COM_FIELD_LIST: column definitions until EOF, no count in front
  rows,           // COM_STMT_FETCH: rows without metadata until EOF
  authentication, // COM_CHANGE_USER: an authentication exchange
  stream,         // COM_BINLOG_DUMP and its like: both directions until someone hangs up
};
[[nodiscard]] answer_kind answer_of(command value);

// The statement text in COM_QUERY's payload (with the command byte), behind the query attributes when those
// are negotiated. `attribute_count` is how many there were.
struct query_text {
  std::string_view text;
  std::uint64_t attribute_count = 0;
};
[[nodiscard]] result<query_text> parse_query(byte_span payload, capabilities negotiated);
// COM_QUERY's payload with that text and no attributes.
void append_query(byte_buffer& out, capabilities negotiated, std::string_view text);

} // namespace holdwater::protocol
