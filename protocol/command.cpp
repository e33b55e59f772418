// The table of commands, and the text inside COM_QUERY.
//
// Source: MySQL "Command Phase", "COM_QUERY" (query attributes).
#include "protocol/command.hpp"

#include <algorithm>
#include <array>

namespace holdwater::protocol {
namespace {

struct command_facts {
  command value;
  std::string_view name;
  answer_kind answer;
};

// Commands that servers only refuse are ok_or_err: one ERR comes back.
constexpr std::array facts{
    command_facts{command::sleep, "COM_SLEEP", answer_kind::ok_or_err},
    command_facts{command::quit, "COM_QUIT", answer_kind::nothing},
    command_facts{command::init_db, "COM_INIT_DB", answer_kind::ok_or_err},
    command_facts{command::query, "COM_QUERY", answer_kind::result_sets},
    command_facts{command::field_list, "COM_FIELD_LIST", answer_kind::column_list},
    command_facts{command::create_db, "COM_CREATE_DB", answer_kind::ok_or_err},
    command_facts{command::drop_db, "COM_DROP_DB", answer_kind::ok_or_err},
    command_facts{command::refresh, "COM_REFRESH", answer_kind::ok_or_err},
    command_facts{command::shutdown, "COM_SHUTDOWN", answer_kind::ok_or_err},
    command_facts{command::statistics, "COM_STATISTICS", answer_kind::text_line},
    command_facts{command::process_info, "COM_PROCESS_INFO", answer_kind::result_sets},
    command_facts{command::connect, "COM_CONNECT", answer_kind::ok_or_err},
    command_facts{command::process_kill, "COM_PROCESS_KILL", answer_kind::ok_or_err},
    command_facts{command::debug, "COM_DEBUG", answer_kind::ok_or_err},
    command_facts{command::ping, "COM_PING", answer_kind::ok_or_err},
    command_facts{command::time, "COM_TIME", answer_kind::ok_or_err},
    command_facts{command::delayed_insert, "COM_DELAYED_INSERT", answer_kind::ok_or_err},
    command_facts{command::change_user, "COM_CHANGE_USER", answer_kind::authentication},
    command_facts{command::binlog_dump, "COM_BINLOG_DUMP", answer_kind::stream},
    command_facts{command::table_dump, "COM_TABLE_DUMP", answer_kind::stream},
    command_facts{command::connect_out, "COM_CONNECT_OUT", answer_kind::ok_or_err},
    command_facts{command::register_replica, "COM_REGISTER_SLAVE", answer_kind::ok_or_err},
    command_facts{command::stmt_prepare, "COM_STMT_PREPARE", answer_kind::prepared},
    command_facts{command::stmt_execute, "COM_STMT_EXECUTE", answer_kind::result_sets},
    command_facts{command::stmt_send_long_data, "COM_STMT_SEND_LONG_DATA", answer_kind::nothing},
    command_facts{command::stmt_close, "COM_STMT_CLOSE", answer_kind::nothing},
    command_facts{command::stmt_reset, "COM_STMT_RESET", answer_kind::ok_or_err},
    command_facts{command::set_option, "COM_SET_OPTION", answer_kind::ok_or_err},
    command_facts{command::stmt_fetch, "COM_STMT_FETCH", answer_kind::rows},
    command_facts{command::daemon, "COM_DAEMON", answer_kind::ok_or_err},
    command_facts{command::binlog_dump_gtid, "COM_BINLOG_DUMP_GTID", answer_kind::stream},
    command_facts{command::reset_connection, "COM_RESET_CONNECTION", answer_kind::ok_or_err},
    command_facts{command::clone, "COM_CLONE", answer_kind::stream},
    command_facts{command::subscribe_group_replication, "COM_SUBSCRIBE_GROUP_REPLICATION_STREAM",
                  answer_kind::stream},
    command_facts{command::stmt_bulk_execute, "COM_STMT_BULK_EXECUTE", answer_kind::result_sets},
};

const command_facts* find(command value) {
  const auto* found = std::ranges::find(facts, value, &command_facts::value);
  return found == facts.end() ? nullptr : found;
}

// The null bitmap, types, names and values are only skipped: the text is what stands behind them.
void skip_value(payload_reader& in, std::uint8_t type) {
  switch (type) {
  case 0x01: return in.skip(1);             // TINY
  case 0x02:                                // SHORT
  case 0x0d: return in.skip(2);             // YEAR
  case 0x03:                                // LONG
  case 0x04:                                // FLOAT
  case 0x09: return in.skip(4);             // INT24
  case 0x05:                                // DOUBLE
  case 0x08: return in.skip(8);             // LONGLONG
  case 0x06: return;                        // NULL
  case 0x07:                                // TIMESTAMP
  case 0x0a:                                // DATE
  case 0x0b:                                // TIME
  case 0x0c: return in.skip(in.integer(1)); // DATETIME
  default: static_cast<void>(in.lenenc_string());
  }
}

// False when the types are missing: without them nothing can be skipped.
bool skip_attributes(payload_reader& in, std::uint64_t count) {
  const std::string_view nulls = in.fixed_string(count / 8 + (count % 8 != 0 ? 1 : 0));
  if (in.integer(1) != 1) return false;
  std::vector<std::uint8_t> types;
  for (std::uint64_t i = 0; i < count && !in.failed(); ++i) {
    types.push_back(static_cast<std::uint8_t>(in.integer(2)));
    static_cast<void>(in.lenenc_string()); // the name
  }
  for (std::size_t i = 0; i < types.size() && !in.failed(); ++i) {
    const bool is_null = (static_cast<std::uint8_t>(nulls[i / 8]) >> (i % 8) & 1) != 0;
    if (!is_null) skip_value(in, types[i]);
  }
  return !in.failed();
}

} // namespace

std::string_view name_of(command value) {
  const command_facts* found = find(value);
  return found == nullptr ? "unknown command" : found->name;
}

answer_kind answer_of(command value) {
  const command_facts* found = find(value);
  return found == nullptr ? answer_kind::ok_or_err : found->answer;
}

result<query_text> parse_query(byte_span payload, capabilities negotiated) {
  payload_reader in(payload);
  query_text query;
  const auto first = static_cast<command>(in.integer(1));
  if ((negotiated & cap::query_attributes) != 0) {
    query.attribute_count = in.lenenc_integer();
    static_cast<void>(in.lenenc_integer()); // parameter sets, always 1
    if (query.attribute_count > 0 && !skip_attributes(in, query.attribute_count))
      return errc::malformed_packet;
  }
  query.text = in.rest();
  if (in.failed() || first != command::query) return errc::malformed_packet;
  return query;
}

void append_query(byte_buffer& out, capabilities negotiated, std::string_view text) {
  payload_writer write(out);
  write.integer(static_cast<std::uint8_t>(command::query), 1);
  if (negotiated & cap::query_attributes) write.integer(0x0100, 2); // no attributes, one set of them
  write.bytes(text);
}

} // namespace holdwater::protocol
