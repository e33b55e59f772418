// Prepared statements on a server connection that is not the one on which the client opened them: prepared
// again before their first use, their ids translated in the client's bytes, what cannot be given back told.
// While the first connection lives, nothing here does more than remember.
#include "proxy/session/replica_reads.hpp"
#include "proxy/session/session.hpp"

#include "protocol/statement_commands.hpp"
#include "protocol/statement_values.hpp"
#include "proxy/server/monitor.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace holdwater::proxy {

namespace sql = protocol::sql;
using protocol::byte_buffer;
using protocol::command;
using protocol::response_tracker;

namespace {

std::uint32_t as_id(const std::uint8_t* at) {
  return static_cast<std::uint32_t>(at[0] | at[1] << 8 | at[2] << 16) | static_cast<std::uint32_t>(at[3])
                                                                            << 24;
}

} // namespace

// ----------------------------------------------------------------------------------------------------
// what is remembered

// As it is of the server's answer to COM_STMT_PREPARE; 0: nobody will ask.
std::uint64_t session::hash_of_definitions(const protocol::text_result_set& columns) const {
  if ((negotiated_ & protocol::cap::mariadb_cache_metadata) == 0) return 0;
  byte_buffer answer;
  protocol::append_prepared(answer, 1, 1, 0, columns, 0, negotiated_);
  response_tracker follower;
  follower.start(command::stmt_prepare, negotiated_);
  [[maybe_unused]] const auto taken = follower.feed(answer);
  return follower.definitions_hash();
}

// Before the command is sent. Preconditions: it names a statement; its payload's beginning is there.
void session::follow_statement() {
  auto& book = state_.statements;
  command_.statement = protocol::statement_id_of(command_.payload);
  auto* one = book.find(command_.statement);
  command_.types_seen = true;
  if (one) {
    command_.statement = one->client_id;
    const bool executes = protocol::executes_statement(command_.code);
    if (executes && one->facts.changes_logins) command_.changes_logins = true;
    if (executes && one->facts.changes_logins) command_.sets_globals = one->facts.kind == sql::kind::set;
    if (executes && one->parameters > 0) {
      const auto where = protocol::find_parameter_types(command_.payload, one->parameters, link_->negotiated);
      if (where.sent && where.understood && where.count == one->parameters)
        book.keep_types(*one, command_.payload.subspan(where.types_at, where.types_size));
      else if (where.sent) {
        book.miss_types(*one);
        one->types_sent = true;
      }
    } else if (command_.code == command::stmt_send_long_data) {
      one->long_data = true;
      book.holds();
    } else if (command_.code == command::stmt_reset) {
      one->long_data = one->long_data_lost = one->cursor = false;
    }
    if (executes) one->cursor = !protocol::executes_without_cursor(command_.payload);
    if (one->cursor) book.holds();
  }
  if (book.mapped()) translate_statement(one);
}

// After the server's OK to COM_STMT_PREPARE.
void session::remember_statement() {
  prepared_statement one;
  one.server_id = tracker_.statement_id();
  one.client_id = told_id_ ? std::exchange(told_id_, 0) : one.server_id;
  one.parameters = tracker_.parameter_count();
  one.definitions = tracker_.definitions_hash();
  if (!command_.spent) {
    one.text = protocol::as_text(command_.payload.subspan(1));
  } else if (collected_.size() > protocol::packet_header_size + 1 &&
             protocol::read_packet_header(collected_.data()).payload_size ==
                 collected_.size() - protocol::packet_header_size) {
    one.text = protocol::as_text(collected_).substr(protocol::packet_header_size + 1);
  }
  one.kept = known_ && !one.text.empty();
  one.facts = describe_prepared(one.text, state_, home_.analysis());
  state_.statements.opened(std::move(one), state_.preparing());
}

// After COM_STMT_EXECUTE succeeded.
void session::apply_execute_effects() {
  auto* one = state_.statements.find(command_.statement);
  if (!one) return;
  one->long_data = false;
  if (std::exchange(one->facts.inserts, false)) { // once, not for each execute
    home_.analysis().analyze(one->text, state_.dialect());
    note_insert(home_.analysis().first(), one->text);
  }
  if (!one->facts.changes_session) return;
  if (!one->kept) return state_.make_unrestorable("a prepared statement that was not remembered");
  auto& found = home_.analysis();
  found.analyze(one->text, state_.dialect());
  for (const auto& each : found.statements()) apply_statement_effects(each, one->text, false);
}

// PREPARE, EXECUTE and DEALLOCATE as text.
void session::apply_prepare_effects(const sql::statement& one, std::string_view text, bool failed) {
  auto& book = state_.statements;
  const auto name = lower_name(one.subject);
  if (one.kind == sql::kind::deallocate) return book.closed(std::string_view(name));
  if (one.kind == sql::kind::execute) {
    const auto* known = book.find(std::string_view(name));
    if (!known) return failed ? void() : state_.make_unrestorable("a prepared statement that is not known");
    if (!known->facts.changes_session && !known->facts.inserts) return;
    sql::analysis inner; // the worker's is in use
    inner.analyze(known->text, state_.dialect());
    if (!known->facts.changes_session) {
      note_insert(inner.first(), known->text);
      return;
    }
    for (const auto& each : inner.statements()) apply_statement_effects(each, known->text, failed);
    return;
  }
  book.closed(std::string_view(name)); // a failed PREPARE frees the name too
  if (failed) {
    if (!command_.single) state_.make_unrestorable("a PREPARE among statements that failed");
    return;
  }
  named_statement made;
  made.name = name;
  made.prepare = text.substr(one.offset, one.size);
  const auto& from = one.assignments.front();
  if (from.literal) {
    made.text = sql::literal_value(from.value, state_.dialect());
  } else if (from.value.starts_with('@')) {
    made.variable = from.value.substr(1);
    if (const auto* value = state_.user_variable(made.variable)) made.value = *value;
    made.text = text_of(made.value);
  }
  sql::analysis inner;
  made.facts = describe_prepared(made.text, state_, inner);
  if (made.text.empty() || !book.opened(std::move(made), state_.preparing()))
    state_.make_unrestorable("a prepared statement that was not remembered");
}

// A command without an answer that is not sent, since there is no server to send it to.
void session::forget_unsent() {
  auto* one = state_.statements.find(protocol::statement_id_of(command_.payload));
  if (!one) return;
  if (replicas_ && command_.code == command::stmt_close) replicas_->forget(*one);
  if (command_.code == command::stmt_close)
    state_.statements.closed(one->client_id);
  else
    one->long_data_lost = true;
}

// A lost COM_STMT_EXECUTE is judged by its statement's text. The rest is as described.
command_facts session::with_statement(command_facts facts) {
  const auto* one =
      protocol::executes_statement(command_.code) ? state_.statements.find(command_.statement) : nullptr;
  if (!one) return facts;
  facts.kind = one->facts.kind;
  facts.repeatable = one->kept && one->facts.pure_read && !one->long_data_lost;
  facts.stays_in_transaction = one->facts.stays_in_transaction;
  facts.looks_back = one->facts.looks_back;
  return facts;
}

// ----------------------------------------------------------------------------------------------------
// another connection

bool session::lacks_types(const prepared_statement& one) const {
  if (one.types_sent || one.parameters == 0 || (one.types.empty() && !one.types_missed)) return false;
  const auto where = protocol::find_parameter_types(command_.payload, one.parameters, link_->negotiated);
  return where.understood && !where.sent && where.count == one.parameters;
}

task<std::optional<session::verdict>> session::ready_statement() {
  auto& book = state_.statements;
  auto* one = book.find(protocol::statement_id_of(command_.payload));
  if (!one) co_return std::nullopt; // the server says what it thinks of it
  const bool unanswered = protocol::answer_of(command_.code) == protocol::answer_kind::nothing;
  if (command_.code == command::stmt_close && !one->prepared) {
    book.closed(one->client_id);
    co_return verdict::next_command;
  }
  if (command_.code == command::stmt_send_long_data && one->long_data_lost)
    co_return verdict::next_command; // the rest is of no use
  if (!one->prepared) {
    const auto how = co_await prepare_again(*one);
    if (how == remake::lost) co_return co_await lost_while_preparing();
    if (how != remake::made && unanswered) { // the next execute will be told
      one->long_data_lost = true;
      co_return verdict::next_command;
    }
    if (how == remake::refused) {
      co_await use_up_long_data();
      const bool told = co_await answer(refusal_);
      co_return told ? verdict::next_command : verdict::end_session;
    }
    one->definitions_changed = how == remake::changed;
  }
  if (!one->long_data_kept.empty() &&
      (protocol::executes_statement(command_.code) || command_.code == command::stmt_send_long_data)) {
    const bool sent = co_await send_kept_long_data(*one);
    if (!sent) co_return co_await lost_while_preparing();
  }
  if (command_.code == command::stmt_reset) book.drop_long_data(*one);
  if (!protocol::executes_statement(command_.code)) co_return std::nullopt;
  co_return co_await ready_to_execute(*one);
}

task<session::verdict> session::lost_while_preparing() {
  process().watch.report("a statement was to be prepared again: the connection was lost");
  drop_link();
  if (client_->peer_has_left()) co_return verdict::end_session;
  co_return co_await retry_later();
}

// What came while the server was away. The server does not answer these.
task<bool> session::send_kept_long_data(prepared_statement& one) {
  byte_buffer framed;
  for (const auto& [parameter, data] : one.long_data_kept) {
    byte_buffer payload;
    protocol::payload_writer write(payload);
    write.integer(static_cast<std::uint8_t>(command::stmt_send_long_data), 1);
    write.integer(one.server_id, 4);
    write.integer(parameter, 2);
    write.bytes(data);
    protocol::append_message(framed, 0, payload);
  }
  const bool sent = co_await send_to_server(framed);
  limit_.clear();
  state_.statements.drop_long_data(one);
  one.long_data = true;
  co_return sent;
}

task<std::optional<session::verdict>> session::ready_to_execute(prepared_statement& one) {
  const bool lacks = lacks_types(one);
  std::string_view lost;
  if (one.definitions_changed)
    lost = "this statement is not what it was before the server connection was replaced: prepare it again";
  else if (one.long_data_lost)
    lost = "the long data of this statement was lost with the server connection: send it again";
  else if (lacks && one.types.empty())
    lost = "the parameter types of this statement were lost with the server connection: prepare it again";
  if (!lost.empty()) {
    const bool told = co_await answer_error(client_error::statement_lost, lost);
    co_return told ? verdict::next_command : verdict::end_session;
  }
  if (!lacks || command_.whole) co_return std::nullopt;
  co_return co_await collect_command(); // so that the types can be put into it
}

// Prepares the text in the context in which the client did, and returns to the present one.
task<session::remake> session::prepare_again(prepared_statement& one) {
  const auto now = state_.preparing();
  const auto there = lead_over(now, *one.made_in);
  const auto back = lead_over(*one.made_in, now);
  if (!there || !back) co_return remake::changed;
  const bool arrived = co_await lead(*there);
  auto how = remake::changed;
  if (arrived) how = co_await prepare_text(one);
  if (how == remake::lost || there->empty()) co_return how;
  const bool returned = co_await lead(*back);
  co_return returned ? how : remake::lost;
}

// False when one was not carried out.
task<bool> session::lead(const std::vector<std::string>& statements) {
  for (const auto& statement : statements) {
    const auto said = co_await ask_server(home_, wake_, *link_, statement);
    if (said.broken || !said.ok) co_return false;
  }
  co_return true;
}

task<session::remake> session::prepare_text(prepared_statement& one) {
  byte_buffer framed;
  protocol::append_prepare(framed, one.text);
  tracker_.start(command::stmt_prepare, link_->negotiated);
  const bool sent = co_await send_to_server(framed);
  if (!sent) co_return remake::lost;
  const auto stream = link_->stream;
  auto& buffer = stream->received();
  while (tracker_.current() != response_tracker::state::complete) {
    if (buffer.empty()) {
      const auto waited = co_await wait_for_answer();
      if (waited != trip::answered) co_return remake::lost;
    }
    const auto belongs = tracker_.feed(buffer.bytes());
    if (!belongs) co_return remake::lost;
    buffer.consume(*belongs);
  }
  limit_.clear();
  if (tracker_.ended_by() == response_tracker::ending::err) {
    refusal_.clear();
    protocol::append_err(refusal_, static_cast<std::uint8_t>(command_.sequence + 1), tracker_.err(),
                         negotiated_);
    co_return remake::refused;
  }
  one.server_id = tracker_.statement_id();
  one.prepared = true;
  one.types_sent = false;
  if (std::exchange(one.made_here, false) && one.definitions == 0) // nothing was said of columns
    one.definitions = tracker_.definitions_hash();
  co_return one.is_what(tracker_, negotiated_) ? remake::made : remake::changed;
}

// The server's id takes the place of the client's, and the types that the new connection has not seen go
// along.
void session::translate_statement(prepared_statement* one) {
  const auto id =
      protocol::id_bytes(state_.statements.server_id_of(protocol::statement_id_of(command_.payload)));
  if (command_.payload.size() < protocol::statement_id_at + id.size()) return;
  if (!command_.whole) { // it will be streamed from there
    client_->received().overwrite(protocol::packet_header_size + protocol::statement_id_at, id);
    return;
  }
  if (one && protocol::executes_statement(command_.code) && lacks_types(*one)) {
    const auto where = protocol::find_parameter_types(command_.payload, one->parameters, link_->negotiated);
    translated_ = protocol::with_parameter_types(command_.payload, where, one->types);
    one->types_sent = true;
  } else {
    translated_.assign(command_.payload.begin(), command_.payload.end());
  }
  std::copy(id.begin(), id.end(), translated_.begin() + protocol::statement_id_at);
}

// In the server's answer to COM_STMT_PREPARE, of which the beginning is there.
void session::rename_statement() {
  auto& buffer = link_->stream->received();
  constexpr std::size_t at = protocol::packet_header_size + protocol::statement_id_at;
  const auto bytes = buffer.bytes();
  if (bytes[protocol::packet_header_size] != 0x00) return; // ERR
  told_id_ = state_.statements.name_for(as_id(bytes.data() + at));
  buffer.overwrite(at, protocol::id_bytes(told_id_));
}

// False when the connection was lost, and dropped.
task<bool> session::restore_statements() {
  bool alive = true;
  for (const auto& one : state_.statements.named()) {
    alive = co_await restore_named(one);
    if (!alive) break;
  }
  if (alive) {
    for (auto* one : state_.statements.looking_back()) {
      const auto how = co_await prepare_again(*one);
      one->definitions_changed = one->prepared && how == remake::changed;
      alive = how != remake::lost;
      if (!alive) break;
    }
  }
  if (!alive) drop_link();
  co_return alive;
}

// One that the server refuses now is not there afterwards: EXECUTE will say so.
task<bool> session::restore_named(const named_statement& one) {
  const auto now = state_.preparing();
  auto steps = lead_over(now, *one.made_in);
  const auto back = lead_over(*one.made_in, now);
  if (!steps || !back) co_return true;
  if (!one.variable.empty()) steps->push_back(fmt::format("SET @{} = {}", one.variable, one.value));
  bool prepared = co_await lead(*steps);
  if (prepared) {
    const auto said = co_await ask_server(home_, wake_, *link_, one.prepare);
    if (said.broken) co_return false;
  }
  if (!one.variable.empty()) {
    const auto* value = state_.user_variable(one.variable);
    const auto again = fmt::format("SET @{} = {}", one.variable, value ? *value : "NULL");
    const auto said = co_await ask_server(home_, wake_, *link_, again);
    if (said.broken) co_return false;
  }
  const bool returned = co_await lead(*back);
  co_return returned;
}

} // namespace holdwater::proxy
