// What Holdwater says itself, without the server.
#include "proxy/session/session.hpp"

namespace holdwater::proxy {

using protocol::byte_buffer;
using protocol::command;

task<bool> session::answer(const byte_buffer& bytes) {
  co_return co_await send_to_client(bytes);
}

task<bool> session::answer_ok() {
  byte_buffer out;
  protocol::append_ok(out, static_cast<std::uint8_t>(command_.sequence + 1), {.status = told_status()},
                      negotiated_);
  said_ = {.apart = true, .rows = 0};
  co_return co_await answer(out);
}

// An execute that fails has used up the long data that was sent for it, as on a server.
task<bool> session::answer_error(client_error which, std::string_view text) {
  co_await use_up_long_data();
  co_return co_await answer_error_at(static_cast<std::uint8_t>(command_.sequence + 1), which, text);
}

task<bool> session::answer_error_at(std::uint8_t sequence, client_error which, std::string_view text) {
  byte_buffer out;
  told_error_ = true;
  said_ = {.error = true,
           .number = row_for(login_.attributes, which).number,
           .text = client_error_text(which, text),
           .apart = true,
           .rows = -1};
  append_client_error(out, sequence, which, text, negotiated_, login_.attributes);
  co_return co_await answer(out);
}

// An OK whose one warning says what a plain OK could not.
task<bool> session::answer_noted(const std::string& note, std::uint64_t rows, std::uint64_t insert_id) {
  byte_buffer out;
  protocol::append_ok(out, static_cast<std::uint8_t>(command_.sequence + 1),
                      {.affected_rows = rows,
                       .last_insert_id = insert_id,
                       .status = told_status(),
                       .warnings = 1,
                       .info = note,
                       .session_state = {}},
                      negotiated_);
  said_ = {.number = note_number, .text = note, .apart = true};
  if (insert_id != 0) keep_insert_id(insert_id);
  co_return co_await answer(out);
}

// It was given out here, or told by replay.
void session::keep_insert_id(std::uint64_t id) {
  state_.known_last_insert_id = last_insert_id_ = id;
  id_owed_ = link_.has_value();
}

// The ids of a write with RETURNING, and how it was taken. `note` empty: the server has it.
task<bool> session::answer_returned(const protocol::text_result_set& rows, const std::string& note) {
  byte_buffer out;
  const bool executes = command_.code == command::stmt_execute;
  protocol::append_text_result_set(out, static_cast<std::uint8_t>(command_.sequence + 1), rows, told_status(),
                                   note.empty() ? 0 : 1, negotiated_,
                                   executes ? protocol::row_form::binary : protocol::row_form::text);
  if (executes) write_.statement->definitions = hash_of_definitions(rows);
  said_ = {.number = note_number, .text = note, .apart = true};
  co_return co_await answer(out);
}

// Whether the command is a read, or prepares or executes one, that the session can answer: fills read_.
// Precondition: the worker's analysis holds the statement.
bool session::find_read(const command_facts& facts) {
  if (command_.as_text) return false;
  const auto& one = home_.analysis().first();
  std::string_view text = write_.text;
  switch (facts.code) {
  case command::query:
    if (!facts.single || !facts.understood) return false;
    text = query_text()->text;
    break;
  case command::stmt_prepare:
    if (text.empty() || !home_.analysis().single() || has(one.traits, protocol::sql::trait::placeholder))
      return false;
    break;
  case command::stmt_execute:
    if (!write_.statement || write_.statement->parameters > 0 ||
        !why_not_executed_here(*write_.statement).empty())
      return false;
    break;
  default: return false;
  }
  if (one.kind != protocol::sql::kind::select && one.kind != protocol::sql::kind::show) return false;
  const auto profile = process().profile.get();
  if (!profile) return false;
  read_ = find_answer(
      text, one,
      {state_, *profile, connection_id_, state_.known_last_insert_id, said_, facts.code != command::query});
  return read_.has_value();
}

// A read that find_read() has found the answer to.
task<bool> session::answer_read() {
  byte_buffer out;
  const bool executes = command_.code == command::stmt_execute;
  protocol::append_text_result_set(out, static_cast<std::uint8_t>(command_.sequence + 1), *read_,
                                   told_status(), 0, negotiated_,
                                   executes ? protocol::row_form::binary : protocol::row_form::text);
  if (executes) write_.statement->definitions = hash_of_definitions(*read_); // the client has new ones now
  const bool looks_back = home_.analysis().first().kind == protocol::sql::kind::show;
  if (!looks_back) said_ = {.apart = true, .rows = -1}; // SHOW WARNINGS, asked again, answers the same
  co_return co_await answer(out);
}

task<bool> session::set_locally() {
  state_.assign_here(analyze_command().first());
  co_return co_await answer_ok();
}

task<bool> session::use_locally() {
  if (command_.code == command::init_db)
    state_.use_database(protocol::as_text(command_.payload.subspan(1)));
  else
    state_.use_database(analyze_command().first().subject.unquoted());
  co_return co_await answer_ok();
}

} // namespace holdwater::proxy
