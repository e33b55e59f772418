#include "protocol/stored_answer.hpp"

#include "protocol/messages.hpp"
#include "protocol/packet_builder.hpp"

#include <optional>

namespace holdwater::protocol {
namespace {

constexpr std::uint8_t result_kind = stored_result_kind, prepared_kind = stored_prepared_kind;
constexpr std::uint8_t ok_byte = 0x00, local_file_byte = 0xfb, eof_byte = 0xfe, err_byte = 0xff;
constexpr std::size_t largest_head = 32;  // of a stored answer, before its packets
constexpr std::size_t eof_size_limit = 9; // a row may begin with 0xfe too, but is at least this long

bool has(capabilities negotiated, capabilities flag) {
  return (negotiated & flag) != 0;
}
bool names_metadata_byte(capabilities negotiated) {
  return has(negotiated, cap::optional_resultset_metadata) || has(negotiated, cap::mariadb_cache_metadata);
}

// Walks whole packets of a message each.
class packets {
 public:
  explicit packets(byte_span bytes) : bytes_(bytes) {}

  // Moves to the next one. False: there is none, or it is cut, or it is a part of a longer message.
  bool next() {
    const auto rest = bytes_.subspan(end_);
    if (rest.size() < packet_header_size) return false;
    const auto size = read_packet_header(rest.data()).payload_size;
    if (size == 0 || size == max_packet_payload || rest.size() - packet_header_size < size) return false;
    begin_ = end_;
    end_ += packet_header_size + size;
    return true;
  }
  bool skip(std::uint64_t count) {
    for (; count > 0; --count)
      if (!next()) return false;
    return true;
  }
  [[nodiscard]] byte_span payload() const {
    return bytes_.subspan(begin_ + packet_header_size, end_ - begin_ - packet_header_size);
  }
  [[nodiscard]] std::size_t begin() const { return begin_; } // of this one, with its header
  [[nodiscard]] std::size_t end() const { return end_; }
  [[nodiscard]] bool at_end() const { return end_ == bytes_.size(); }

 private:
  byte_span bytes_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

bool is_eof(byte_span payload) {
  return payload.front() == eof_byte && payload.size() < eof_size_limit;
}

bool pass_eof(packets& in, capabilities negotiated) {
  return has(negotiated, cap::deprecate_eof) || (in.next() && is_eof(in.payload()));
}

// The packet behind the rows.
std::optional<eof_message> read_end(byte_span payload, capabilities negotiated) {
  constexpr auto out_of_the_ordinary = server_status::more_results_exists | server_status::cursor_exists |
                                       server_status::ps_out_params | server_status::session_state_changed;
  eof_message end;
  if (has(negotiated, cap::deprecate_eof)) {
    const auto ok = parse_ok(payload, negotiated);
    if (!ok || !ok->session_state.empty()) return std::nullopt;
    end = {ok->warnings, ok->status};
  } else {
    const auto eof = parse_eof(payload);
    if (!eof) return std::nullopt;
    end = *eof;
  }
  if ((end.status & out_of_the_ordinary) != 0) return std::nullopt;
  return end;
}

void append_with_no_sequence(byte_buffer& out, byte_span some) {
  const auto from = out.size();
  out.insert(out.end(), some.begin(), some.end());
  for (auto at = from; at < out.size();) {
    const auto size = read_packet_header(out.data() + at).payload_size;
    out[at + 3] = 0;
    at += packet_header_size + size;
  }
}

// Copies packets, numbered. Gives the next number.
std::uint8_t append_numbered(byte_buffer& out, std::uint8_t sequence, byte_span some) {
  const auto from = out.size();
  out.insert(out.end(), some.begin(), some.end());
  for (auto at = from; at < out.size();) {
    const auto size = read_packet_header(out.data() + at).payload_size;
    out[at + 3] = sequence++;
    at += packet_header_size + size;
  }
  return sequence;
}

std::size_t size_of(byte_span some, std::uint64_t count) {
  packets in(some);
  in.skip(count);
  return in.end();
}

bool are_whole(byte_span some, std::uint64_t at_least) {
  packets in(some);
  if (!in.skip(at_least)) return false;
  while (in.next()) {
  }
  return in.at_end();
}

} // namespace

bool store_result(byte_span answer, capabilities negotiated, std::uint64_t known_definitions,
                  byte_buffer& out) {
  packets in(answer);
  if (!in.next()) return false;
  const auto first = in.payload().front();
  if (first == ok_byte || first == err_byte || first == local_file_byte) return false;
  payload_reader head(in.payload());
  const auto columns = head.lenenc_integer();
  const bool defined = !names_metadata_byte(negotiated) || head.integer(1) != 0;
  if (head.failed() || head.remaining() > 0 || columns == 0) return false;
  const auto definitions_from = in.end();
  if (defined && !in.skip(columns)) return false;
  const auto definitions = answer.subspan(definitions_from, in.end() - definitions_from);
  if (!pass_eof(in, negotiated)) return false;
  const auto rows_from = in.end();
  const bool with_eof = !has(negotiated, cap::deprecate_eof);
  for (;;) {
    if (!in.next()) return false;
    const auto begins = in.payload().front();
    if (begins == err_byte) return false;
    if (begins == eof_byte && (!with_eof || is_eof(in.payload()))) break;
  }
  const auto end = read_end(in.payload(), negotiated);
  if (!end || !in.at_end()) return false;

  const auto rows = answer.subspan(rows_from, in.begin() - rows_from);
  out.clear();
  out.reserve(largest_head + definitions.size() + rows.size());
  payload_writer write(out);
  write.integer(result_kind, 1);
  write.lenenc_integer(columns);
  write.integer(defined ? 1 : 0, 1);
  write.integer(defined ? 0 : known_definitions, 8);
  write.integer(end->status, 2);
  write.integer(end->warnings, 2);
  append_with_no_sequence(out, definitions);
  append_with_no_sequence(out, rows);
  return true;
}

bool store_prepared(byte_span answer, capabilities negotiated, std::uint64_t definitions, byte_buffer& out) {
  packets in(answer);
  if (!in.next()) return false;
  payload_reader head(in.payload());
  if (head.integer(1) != ok_byte) return false;
  head.skip(4); // the id
  const auto columns = static_cast<std::uint16_t>(head.integer(2));
  const auto parameters = static_cast<std::uint16_t>(head.integer(2));
  head.skip(1);
  const auto warnings = head.integer(2);
  if (head.failed() || warnings != 0 || columns == 0) return false;
  if (has(negotiated, cap::optional_resultset_metadata) && head.remaining() > 0 && head.integer(1) == 0)
    return false;
  out.clear();
  payload_writer write(out);
  write.integer(prepared_kind, 1);
  write.integer(parameters, 2);
  write.integer(columns, 2);
  write.integer(definitions, 8);
  for (const std::uint16_t count : {parameters, columns}) {
    const auto from = in.end();
    if (!in.skip(count)) return false;
    append_with_no_sequence(out, answer.subspan(from, in.end() - from));
    if (count > 0 && !pass_eof(in, negotiated)) return false;
  }
  return in.at_end();
}

result<stored_result> read_stored_result(byte_span stored) {
  payload_reader in(stored);
  stored_result one;
  const bool kind = in.integer(1) == result_kind;
  one.columns = in.lenenc_integer();
  one.defined = in.integer(1) != 0;
  one.definitions = in.integer(8);
  one.status = static_cast<std::uint16_t>(in.integer(2));
  one.warnings = static_cast<std::uint16_t>(in.integer(2));
  if (in.failed() || !kind || one.columns == 0) return errc::malformed_packet;
  one.packets = as_bytes(in.rest());
  if (!are_whole(one.packets, one.defined ? one.columns : 0)) return errc::malformed_packet;
  return one;
}

result<stored_prepared> read_stored_prepared(byte_span stored) {
  payload_reader in(stored);
  stored_prepared one;
  const bool kind = in.integer(1) == prepared_kind;
  one.parameters = static_cast<std::uint16_t>(in.integer(2));
  one.columns = static_cast<std::uint16_t>(in.integer(2));
  one.definitions = in.integer(8);
  if (in.failed() || !kind) return errc::malformed_packet;
  one.packets = as_bytes(in.rest());
  const std::uint64_t count = std::uint64_t{one.parameters} + one.columns;
  if (!are_whole(one.packets, count) || size_of(one.packets, count) != one.packets.size())
    return errc::malformed_packet;
  return one;
}

void append_stored_result(byte_buffer& out, std::uint8_t sequence, const stored_result& one,
                          std::uint16_t status, std::uint16_t warnings, capabilities negotiated) {
  const bool with_eof = !has(negotiated, cap::deprecate_eof);
  out.reserve(out.size() + one.packets.size() + 64);
  {
    packet_builder packet(out, sequence++);
    payload_writer payload = packet.payload();
    payload.lenenc_integer(one.columns);
    if (names_metadata_byte(negotiated)) payload.integer(one.defined ? 1 : 0, 1);
    packet.finish();
  }
  const auto definitions = one.defined ? size_of(one.packets, one.columns) : 0;
  sequence = append_numbered(out, sequence, one.packets.first(definitions));
  if (with_eof) append_eof(out, sequence++, {warnings, status});
  sequence = append_numbered(out, sequence, one.packets.subspan(definitions));
  if (with_eof) return append_eof(out, sequence, {warnings, status});
  append_ok(out, sequence, {.status = status, .warnings = warnings, .info = {}, .session_state = {}},
            negotiated, eof_byte);
}

void append_stored_prepared(byte_buffer& out, std::uint8_t sequence, const stored_prepared& one,
                            std::uint32_t id, std::uint16_t status, capabilities negotiated) {
  const bool with_eof = !has(negotiated, cap::deprecate_eof);
  {
    packet_builder packet(out, sequence++);
    payload_writer payload = packet.payload();
    payload.integer(ok_byte, 1);
    payload.integer(id, 4);
    payload.integer(one.columns, 2);
    payload.integer(one.parameters, 2);
    payload.zeros(1);
    payload.integer(0, 2); // warnings
    if (has(negotiated, cap::optional_resultset_metadata)) payload.integer(1, 1);
    packet.finish();
  }
  const auto parameters = size_of(one.packets, one.parameters);
  sequence = append_numbered(out, sequence, one.packets.first(parameters));
  if (with_eof && one.parameters > 0) append_eof(out, sequence++, {0, status});
  sequence = append_numbered(out, sequence, one.packets.subspan(parameters));
  if (with_eof && one.columns > 0) append_eof(out, sequence, {0, status});
}

} // namespace holdwater::protocol
