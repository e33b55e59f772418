// What the tracker's messages mean: how an answer unfolds, packet by packet, and which one is the last.
//
// Source: MySQL "COM_QUERY Response", "Text Resultset", "COM_STMT_PREPARE Response", "COM_STMT_EXECUTE
// Response", "COM_STMT_FETCH"; MariaDB "Result Set Packets". What the two pages leave open was read off
// MariaDB 10.11 and MySQL 9.7.
#include "protocol/response_tracker.hpp"

#include <algorithm>

namespace holdwater::protocol {
namespace {

constexpr std::uint8_t ok_byte = 0x00;
constexpr std::uint8_t local_file_byte = 0xfb;
constexpr std::uint8_t eof_byte = 0xfe;
constexpr std::uint8_t err_byte = 0xff;

constexpr std::uint32_t eof_size_limit = 9;   // a row may begin with 0xfe too, but is at least this long
constexpr std::uint32_t shortest_ok_size = 7; // an EOF has 5 bytes

// A progress report has the number where an error has '#' and its state.
bool is_progress_report(const err_message& err) {
  return err.number == progress_report_number && err.sql_state.empty();
}

// An OK that was too long to be kept whole still has its fixed fields.
result<ok_message> parse_kept_ok(byte_span kept, bool whole, capabilities negotiated) {
  if (whole) return parse_ok(kept, negotiated);
  payload_reader in(kept);
  in.skip(1);
  ok_message ok;
  ok.affected_rows = in.lenenc_integer();
  ok.last_insert_id = in.lenenc_integer();
  ok.status = static_cast<std::uint16_t>(in.integer(2));
  ok.warnings = static_cast<std::uint16_t>(in.integer(2));
  if ((negotiated & cap::session_track) != 0)
    ok.info = in.lenenc_string(); // short: the changes are what is long
  if (in.failed()) ok.info = {};
  return ok;
}

} // namespace

result<response_tracker::role> response_tracker::role_of(std::uint8_t first) const {
  if (first == err_byte) return role::err;
  switch (phase_) {
  case phase::line: return role::passing;
  case phase::head: return first == ok_byte ? role::ok : role::head;
  case phase::prepare_head:
    if (first == ok_byte) return role::prepare_head;
    return errc::unexpected_packet;
  case phase::single:
    if (first == ok_byte) return role::ok;
    if (first == eof_byte) return role_of_end();
    return errc::unexpected_packet;
  case phase::definitions: return role::passing;
  case phase::definitions_end:
    if (first == eof_byte && packet_size_ < eof_size_limit) return role::eof;
    return errc::unexpected_packet;
  case phase::column_list:
  case phase::rows: return first == eof_byte && ends_rows() ? role_of_end() : role::passing;
  }
  return errc::unexpected_packet;
}

// With CLIENT_DEPRECATE_EOF any packet that is no part of a longer message; without, only a short one.
bool response_tracker::ends_rows() const {
  return packet_size_ < (negotiated(cap::deprecate_eof) ? max_packet_payload : eof_size_limit);
}

response_tracker::role response_tracker::role_of_end() const {
  return negotiated(cap::deprecate_eof) && packet_size_ >= shortest_ok_size ? role::ok : role::eof;
}

result<void> response_tracker::end_message() {
  switch (role_) {
  case role::passing: end_passing(); return {};
  case role::ok: return end_ok();
  case role::err: return end_err();
  case role::eof: return end_eof(kept_);
  case role::head: return read_head(kept_);
  case role::prepare_head: return read_prepare_head();
  }
  return errc::unexpected_packet;
}

void response_tracker::end_passing() {
  if (phase_ == phase::line) return finish(ending::other);
  if (phase_ == phase::rows) ++rows_;
  if (phase_ == phase::definitions && --definitions_left_ == 0) end_definitions();
}

result<void> response_tracker::end_ok() {
  const auto ok = parse_kept_ok(kept_, kept_.size() < max_kept, capabilities_);
  if (ok.has_error()) return ok.error();
  ok_ = *ok;
  collect_session_state();
  end_result(ending::ok);
  return {};
}

void response_tracker::collect_session_state() {
  const byte_span block = as_bytes(ok_.session_state);
  if (!block.empty()) changes_untold_ = false;
  if (block.size() <= max_kept - session_state_.size())
    session_state_.insert(session_state_.end(), block.begin(), block.end());
}

result<void> response_tracker::end_eof(byte_span payload) {
  const auto eof = parse_eof(payload);
  if (eof.has_error()) return eof.error();
  ok_ = {};
  ok_.status = eof->status;
  ok_.warnings = eof->warnings;
  if ((eof->status & server_status::session_state_changed) != 0) changes_untold_ = true;
  if (phase_ == phase::definitions_end)
    end_block();
  else
    end_result(ending::eof);
  return {};
}

result<void> response_tracker::end_err() {
  const auto err = parse_err(kept_, capabilities_);
  if (err.has_error()) return err.error();
  if (is_progress_report(*err)) return {};
  err_ = *err;
  finish(ending::err);
  return {};
}

result<void> response_tracker::read_head(byte_span payload) {
  if (payload.front() == local_file_byte) {
    state_ = state::wants_local_file;
    return {};
  }
  payload_reader in(payload);
  const std::uint64_t columns = in.lenenc_integer();
  definitions_follow_ = true;
  if (negotiated(cap::mariadb_cache_metadata) || negotiated(cap::optional_resultset_metadata))
    definitions_follow_ = in.integer(1) != 0;
  if (in.failed() || columns == 0) return errc::malformed_packet;
  begin_definitions(columns);
  return {};
}

result<void> response_tracker::read_prepare_head() {
  payload_reader in(kept_);
  in.skip(1);
  statement_id_ = static_cast<std::uint32_t>(in.integer(4));
  column_count_ = static_cast<std::uint16_t>(in.integer(2));
  parameter_count_ = static_cast<std::uint16_t>(in.integer(2));
  in.skip(1);
  ok_.warnings = static_cast<std::uint16_t>(in.integer(2));
  if (in.failed()) return errc::malformed_packet;
  if (negotiated(cap::optional_resultset_metadata) && in.remaining() > 0)
    definitions_follow_ = in.integer(1) != 0;
  columns_due_ = column_count_ > 0;
  if (parameter_count_ > 0)
    begin_definitions(parameter_count_);
  else
    end_block();
  return {};
}

// Definitions that are left out leave their EOF behind.
void response_tracker::begin_definitions(std::uint64_t count) {
  definitions_left_ = definitions_follow_ ? count : 0;
  phase_ = phase::definitions;
  if (definitions_left_ == 0) end_definitions();
}

void response_tracker::end_definitions() {
  if (negotiated(cap::deprecate_eof))
    end_block();
  else
    phase_ = phase::definitions_end;
}

void response_tracker::end_block() {
  if (command_ == command::stmt_prepare) return end_prepare_block();
  out_parameters_ = phase_ == phase::definitions_end && (ok_.status & server_status::ps_out_params) != 0;
  // an opened cursor: its rows come by COM_STMT_FETCH
  const bool cursor = may_open_cursor_ && command_ == command::stmt_execute &&
                      phase_ == phase::definitions_end && (ok_.status & server_status::cursor_exists) != 0;
  if (cursor) return end_result(ending::eof);
  phase_ = phase::rows;
}

void response_tracker::end_prepare_block() {
  if (!columns_due_) return finish(ending::other);
  columns_due_ = false;
  begin_definitions(column_count_);
}

// Behind OUT parameters one more result, CALL's own OK, always comes; MySQL's EOF form says so only in the
// EOF behind the definitions.
void response_tracker::end_result(ending how) {
  const bool more = out_parameters_ || (ok_.status & server_status::more_results_exists) != 0;
  const bool may_follow = answer_of(command_) == answer_kind::result_sets;
  if (!more || !may_follow) return finish(how);
  ended_by_ = how;
  out_parameters_ = false;
  phase_ = phase::head;
}

void response_tracker::finish(ending how) {
  ended_by_ = how;
  state_ = state::complete;
}

} // namespace holdwater::protocol
