// Prepared statements while the server is away: writes, reads that need no table, transaction control and
// plain settings are prepared here, values are read from the executes, and each execution is like that of the
// same text, with its values bound to it. When the server is back the statement is prepared there before its
// next use (statements.cpp).
//
// Invariant: a text means what it meant when it was prepared. Its default database goes with it; were the
// other settings different then, it is not executed here.
#include "protocol/sql/characters.hpp"
#include "protocol/sql/lasting_reads.hpp"
#include "protocol/sql/placeholders.hpp"
#include "protocol/statement_commands.hpp"
#include "protocol/statement_values.hpp"
#include "proxy/session/session.hpp"
#include "spool/parameter_text.hpp"

#include <fmt/format.h>

namespace holdwater::proxy {

namespace sql = protocol::sql;
using protocol::bound_value;
using protocol::command;

namespace {

constexpr std::size_t most_parameters = 0xffff; // of a statement, as in the servers

bool same_settings(const prepare_context& then, prepare_context now) {
  now.database = then.database;
  return then == now;
}

std::vector<bool> parts_kept(const prepared_statement& one) {
  std::vector<bool> kept(one.parameters);
  for (const auto& [parameter, data] : one.long_data_kept)
    if (parameter < kept.size()) kept[parameter] = true;
  return kept;
}

} // namespace

// ----------------------------------------------------------------------------------------------------
// what a command is about

// The single write that the command executes or prepares, also as PREPARE and EXECUTE in text. Fills write_;
// afterwards the worker's analysis holds its text.
void session::look_at_write(command_facts& facts) {
  write_ = {};
  command_.as_text = false;
  write_.database = state_.database();
  switch (command_.code) {
  case command::stmt_prepare:
    if (!command_.whole) return;
    write_.text = protocol::as_text(command_.payload.subspan(1));
    write_.bound = true;
    facts.prepares_write = analyze_write();
    facts.prepares_plain = is_plain();
    facts.lasting =
        home_.analysis().single() &&
        sql::is_lasting_read(write_.text, home_.analysis().first(), write_.database, state_.dialect()) &&
        command_.rule.cache.value_or(true);
    if (has(home_.analysis().first().traits, sql::trait::returning)) write_.refusal = "RETURNING";
    return;
  case command::stmt_execute:
  case command::stmt_bulk_execute: look_at_execute(facts); return take_as_text(facts);
  case command::stmt_send_long_data: {
    const auto* one = state_.statements.find(protocol::statement_id_of(command_.payload));
    if (!one || !one->kept) return;
    write_.text = one->text;
    facts.feeds_write = analyze_write();
    write_ = {}; // the parts themselves wait for nothing
    return;
  }
  case command::query: break;
  default: return;
  }
  write_.text = query_text() ? query_text()->text : std::string_view();
  if (!facts.single || !facts.understood) return;
  if (facts.kind == sql::kind::prepare) {
    write_.filled = named_text();
    write_.text = write_.filled;
    write_.bound = true;
    facts.prepares_write = !write_.filled.empty() && analyze_write();
    facts.prepares_plain = !write_.filled.empty() && is_plain();
  } else if (facts.kind == sql::kind::execute) {
    look_at_named_execute(facts);
    take_as_text(facts);
  }
}

// Whether the text that is prepared needs no server. Of such, MySQL prepares COMMIT and SET only.
// Precondition: analyze_write() has looked at it.
bool session::is_plain() const {
  const auto& found = home_.analysis();
  const auto& one = found.first();
  if (!found.single()) return false;
  if (one.kind == sql::kind::set) return state_.can_assign_locally(one);
  return one.kind == sql::kind::commit || (state_.dialect().mariadb && controls_transaction(one.kind));
}

// Transaction control and SET are done as if their text had come.
void session::take_as_text(command_facts& facts) {
  const bool plain = facts.kind == sql::kind::set || controls_transaction(facts.kind);
  if (!plain || facts.write || write_.text.empty() || !write_.refusal.empty()) return;
  const auto* one = write_.statement;
  if (one && (one->parameters > 0 || !why_not_executed_here(*one).empty())) return;
  const auto text = describe_query(write_.text, true, true, state_, home_.analysis());
  command_.as_text = text.single && text.kind == facts.kind;
  if (command_.as_text) facts = text;
}

bool session::analyze_write() {
  auto& found = home_.analysis();
  found.analyze(write_.text, state_.dialect());
  return found.single() && found.first().is_write();
}

void session::look_at_execute(command_facts& facts) {
  auto* one = state_.statements.find(protocol::statement_id_of(command_.payload));
  facts.single = one != nullptr;
  if (!one) return;
  facts.kind = one->facts.kind;
  facts.pure_read = one->facts.pure_read;
  facts.only_reads = facts.reads_tables = one->facts.only_reads;
  facts.stays_in_transaction = one->facts.stays_in_transaction;
  facts.lasting = one->kept && one->facts.lasting && command_.rule.cache.value_or(true);
  if (!one->kept) return;
  write_.statement = one;
  write_.text = one->text;
  write_.bound = true;
  write_.database = one->made_in->database;
  facts.write = analyze_write();
  facts.asks_back = has(home_.analysis().first().traits, sql::trait::connection_value);
  if (facts.write) write_.refusal = why_not_executed_here(*one);
}

std::string session::why_not_executed_here(const prepared_statement& one) const {
  if (!same_settings(*one.made_in, state_.preparing()))
    return "it was prepared when the session had other settings";
  if (one.long_data_lost) return "its long data was lost, or is too large to be kept";
  if (one.long_data) return "a part of its long data is at the server";
  if (!command_.whole) return "it is too large";
  return {};
}

// ----------------------------------------------------------------------------------------------------
// by name

// The text that the PREPARE in the worker's analysis prepares; empty when it is not known.
std::string session::named_text() const {
  const auto& from = home_.analysis().first().assignments.front();
  if (from.literal) return sql::literal_value(from.value, state_.dialect());
  if (!from.value.starts_with('@')) return {};
  const auto* value = state_.user_variable(from.value.substr(1));
  return value ? text_of(*value) : std::string();
}

// EXECUTE name [USING @a, @b]: the variables' values take the places of the placeholders.
void session::look_at_named_execute(command_facts& facts) {
  const auto& one = home_.analysis().first();
  const auto* known = state_.statements.find(std::string_view(lower_name(one.subject)));
  if (!known || known->text.empty()) return;
  facts.kind = known->facts.kind;
  const auto variables = sql::execute_arguments(write_.text, state_.dialect());
  const auto wanted = sql::count_placeholders(known->text, state_.dialect());
  if (!variables || variables->size() != wanted) return; // the server says what is wrong with it
  std::vector<std::string> values;
  for (const auto name : *variables) {
    const auto* value = state_.user_variable(name);
    if (!value) write_.refusal = fmt::format("a user variable whose value is not known (@{})", name);
    const auto bound = value ? state_.as_bound_now(*value) : std::nullopt;
    if (value && !bound) write_.refusal = fmt::format("a user variable of another character set (@{})", name);
    values.push_back(bound.value_or("NULL"));
  }
  if (!same_settings(*known->made_in, state_.preparing()))
    write_.refusal = "it was prepared when the session had other settings";
  // MySQL turns the literal of a PREPARE into utf8, and reads that in the client's character set.
  const bool misread = !state_.dialect().mariadb && known->variable.empty() &&
                       state_.dialect().client_charset != sql::dialect::charset::utf8;
  if (misread && !sql::is_ascii(known->text))
    write_.refusal = "its text is not ASCII, and MySQL reads it in another character set than the session's";
  write_.filled = sql::fill_placeholders(known->text, state_.dialect(), values);
  write_.text = write_.filled;
  write_.database = known->made_in->database;
  facts.write = analyze_write();
}

// ----------------------------------------------------------------------------------------------------
// answers

task<bool> session::prepare_locally() {
  if (command_.code == command::query) co_return co_await prepare_named_locally();
  if (!cached_.stored.empty()) co_return co_await prepare_cached();
  const auto parameters = sql::count_placeholders(write_.text, state_.dialect());
  prepared_statement one;
  one.text = write_.text;
  one.parameters = static_cast<std::uint16_t>(parameters);
  one.facts = describe_prepared(one.text, state_, home_.analysis());
  const bool reads = one.facts.kind == sql::kind::select || one.facts.kind == sql::kind::show;
  if (reads) one.definitions = hash_of_definitions(*read_);
  const auto columns = reads ? *read_ : protocol::text_result_set{};
  const auto id = parameters > most_parameters
                      ? std::nullopt
                      : state_.statements.opened_here(std::move(one), state_.preparing());
  if (!id) {
    const std::string text = "the server is down, and this statement is too large to be remembered for it";
    co_return co_await answer_error(client_error::needs_server, text);
  }
  protocol::byte_buffer out;
  protocol::append_prepared(out, static_cast<std::uint8_t>(command_.sequence + 1), *id,
                            static_cast<std::uint16_t>(parameters), columns, told_status(), negotiated_);
  said_.clear();
  co_return co_await answer(out);
}

task<bool> session::prepare_named_locally() {
  const auto text = query_text()->text;
  const auto& one = analyze_command().first();
  apply_prepare_effects(one, text, false);
  co_return co_await answer_ok();
}

task<bool> session::deallocate_locally() {
  const auto& one = analyze_command().first();
  const auto name = lower_name(one.subject);
  const bool known = state_.statements.find(std::string_view(name)) != nullptr;
  state_.statements.closed(std::string_view(name));
  if (known) co_return co_await answer_ok();
  const auto text = fmt::format("Unknown prepared statement handler ({}) given to DEALLOCATE PREPARE", name);
  co_return co_await answer_error(client_error::unknown_statement, text);
}

task<bool> session::reset_statement() {
  auto* one = state_.statements.find(protocol::statement_id_of(command_.payload));
  if (!one) {
    const std::string text = "Unknown prepared statement handler given to COM_STMT_RESET";
    co_return co_await answer_error(client_error::unknown_statement, text);
  }
  state_.statements.drop_long_data(*one);
  one->long_data = one->long_data_lost = false;
  co_return co_await answer_ok();
}

// COM_STMT_SEND_LONG_DATA: statement (4), parameter (2), data. It has no answer; what is wrong with it, the
// execute is told.
void session::keep_long_data() {
  constexpr std::size_t head = 7; // with the command
  auto* one = state_.statements.find(protocol::statement_id_of(command_.payload));
  if (!one || command_.payload.size() < head) return;
  const auto parameter = static_cast<std::uint16_t>(command_.payload[5] | command_.payload[6] << 8);
  state_.statements.keep_long_data(*one, parameter, protocol::as_text(command_.payload.subspan(head)));
}

// A refused execute has used up the long data that was sent for it, wherever it is, and has told if some of
// it is lost.
task<> session::use_up_long_data() {
  if (!protocol::executes_statement(command_.code)) co_return;
  auto* one = state_.statements.find(protocol::statement_id_of(command_.payload));
  if (!one) co_return;
  state_.statements.drop_long_data(*one);
  one->long_data_lost = false;
  if (one->long_data && one->prepared && link_) co_await close_at_server(*one);
}

// The next execute will be told.
void session::lose_long_data(std::uint32_t statement) {
  auto* one = state_.statements.find(statement);
  if (!one) return;
  state_.statements.drop_long_data(*one);
  one->long_data_lost = true;
}

// The server forgets what it has of the statement, which is prepared anew before its next use.
task<> session::close_at_server(prepared_statement& one) {
  protocol::byte_buffer framed;
  protocol::append_close(framed, one.server_id);
  state_.statements.unprepare(one);
  [[maybe_unused]] const bool sent =
      co_await send_to_server(framed); // a lost connection shows at its next use
  limit_.clear();
}

// ----------------------------------------------------------------------------------------------------
// values

// One list of values for each execution, a bulk execute's rows; one empty list for a text. Nothing: `reason`
// says why.
std::optional<std::vector<session::bound_values>> session::read_bound_values(std::string& reason) {
  auto* const one = write_.statement;
  if (!one) return std::vector<bound_values>(1);
  const auto rows =
      protocol::read_values(command_.payload, one->parameters, one->types, negotiated_, parts_kept(*one));
  if (!rows) {
    reason = rows.error() == protocol::errc::unknown_type
                 ? "the server is down, and a parameter's type is not known"
                 : "the server is down, and this execution is not readable: prepare the statement again";
    return std::nullopt;
  }
  std::vector<bound_values> all;
  for (const auto& row : *rows) {
    auto& values = all.emplace_back();
    std::uint16_t number = 0;
    for (const auto& bound : row) {
      auto& value = values.emplace_back();
      value.type = bound.type;
      value.is_unsigned = bound.is_unsigned;
      if (bound.what == bound_value::kind::value) value.value = std::string(bound.bytes);
      if (bound.what == bound_value::kind::elsewhere) {
        value.long_data = true;
        value.value = one->long_data_kept.at(number);
      }
      ++number;
      const bool replayable =
          bound.what != bound_value::kind::by_default && bound.what != bound_value::kind::ignored;
      if (replayable && spool::can_be_bound(value)) continue;
      reason = "the server is down, and a parameter of this kind cannot be kept for it";
      return std::nullopt;
    }
  }
  return all;
}

// The text as far as its shape matters: the values in the places of the placeholders.
std::string session::shape_of_write(const bound_values& values) const {
  if (values.empty()) return std::string(write_.text);
  return sql::fill_placeholders(write_.text, state_.dialect(), spool::literals(values, "binary"));
}

} // namespace holdwater::proxy
