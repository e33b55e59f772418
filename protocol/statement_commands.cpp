#include "protocol/statement_commands.hpp"

namespace holdwater::protocol {
namespace {

constexpr std::size_t bulk_flags_at = 5;
constexpr std::size_t bulk_head = 7;                     // command, id, flags
constexpr std::uint8_t parameter_count_available = 0x08; // in the cursor flags
constexpr std::uint8_t bulk_sends_types = 0x80;

parameter_types find_in_bulk(byte_span payload, std::uint16_t parameters) {
  parameter_types found;
  if (payload.size() < bulk_head || parameters == 0) return found;
  found.count = parameters;
  found.flag_at = bulk_flags_at;
  found.types_at = bulk_head;
  found.sent = (payload[bulk_flags_at] & bulk_sends_types) != 0;
  found.types_size = found.sent ? std::size_t{2} * parameters : 0;
  found.understood = payload.size() >= found.types_at + found.types_size;
  return found;
}

} // namespace

void append_prepare(byte_buffer& out, std::string_view text) {
  byte_buffer payload{static_cast<std::uint8_t>(command::stmt_prepare)};
  payload_writer(payload).bytes(text);
  append_message(out, 0, payload);
}

void append_close(byte_buffer& out, std::uint32_t id) {
  byte_buffer payload{static_cast<std::uint8_t>(command::stmt_close)};
  payload_writer(payload).integer(id, 4);
  append_message(out, 0, payload);
}

parameter_types find_parameter_types(byte_span payload, std::uint16_t parameters, capabilities negotiated) {
  if (payload.size() < execute_head) {
    if (!payload.empty() && static_cast<command>(payload[0]) == command::stmt_bulk_execute)
      return find_in_bulk(payload, parameters);
    return {};
  }
  if (static_cast<command>(payload[0]) == command::stmt_bulk_execute)
    return find_in_bulk(payload, parameters);

  parameter_types found;
  found.count = parameters;
  const bool named = (negotiated & cap::query_attributes) != 0;
  payload_reader in(payload);
  in.skip(execute_head);
  if (named && (parameters > 0 || (payload[5] & parameter_count_available) != 0))
    found.count = in.lenenc_integer();
  if (in.failed() || found.count == 0 || found.count > 0xffff) return {};
  in.skip((found.count + 7) / 8);
  found.flag_at = payload.size() - in.remaining();
  found.sent = in.integer(1) == 1;
  found.types_at = found.flag_at + 1;
  if (found.sent) {
    if (!named) {
      in.skip(2 * found.count);
    } else {
      for (std::uint64_t left = found.count; left > 0 && !in.failed(); --left) {
        in.skip(2);
        static_cast<void>(in.lenenc_string());
      }
    }
    found.types_size = payload.size() - in.remaining() - found.types_at;
  }
  if (in.failed()) return {};
  found.understood = true;
  return found;
}

byte_buffer with_parameter_types(byte_span payload, const parameter_types& where, byte_span types) {
  byte_buffer out(payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(where.types_at));
  if (static_cast<command>(payload[0]) == command::stmt_bulk_execute)
    out[where.flag_at] |= bulk_sends_types;
  else
    out[where.flag_at] = 1;
  out.insert(out.end(), types.begin(), types.end());
  out.insert(out.end(), payload.begin() + static_cast<std::ptrdiff_t>(where.types_at), payload.end());
  return out;
}

} // namespace holdwater::protocol
