// The read cache, as a session fills it while the server is up, and the keys that it is answered by in an
// outage (cached_answers.cpp).
//
// Invariant: what is kept under a key was the server's answer to that very question (statement, parameters; a
// rule may take times in it for now), asked by that account in that database and in those settings, of data
// that everyone could see; what is said to be N seconds old was true N seconds ago or later.
#include "protocol/sql/lasting_reads.hpp"
#include "protocol/statement_commands.hpp"
#include "protocol/stored_answer.hpp"
#include "proxy/cache/key_digest.hpp"
#include "proxy/cache/key_writer.hpp"
#include "proxy/cache/read_cache.hpp"
#include "proxy/server/state_board.hpp"
#include "proxy/session/own_reads.hpp"
#include "proxy/session/session.hpp"
#include "proxy/session/times_as_now.hpp"
#include "proxy/warming/inner_client.hpp"
#include "proxy/warming/warmer.hpp"

#include <boost/algorithm/string/find.hpp>
#include <boost/algorithm/string/predicate.hpp>

#include <algorithm>
#include <array>

namespace holdwater::proxy {

namespace sql = protocol::sql;
using protocol::byte_span;
using protocol::command;
using protocol::response_tracker;

namespace {

// A larger answer is not copied again when it was copied a moment ago.
constexpr std::size_t large_answer = 64UL * 1024;
constexpr cache_moment moment_ago = std::chrono::seconds(10);

// What of a client changes the answer's rows or the form of its definitions. EOFs and sequence ids are made
// for whoever asks.
constexpr protocol::capabilities of_answers = protocol::cap::long_flag | protocol::cap::no_schema |
                                              protocol::cap::odbc | protocol::cap::ignore_space |
                                              protocol::cap::mariadb_extended_metadata;
constexpr protocol::capabilities of_executions =
    protocol::cap::mariadb_cache_metadata | protocol::cap::query_attributes;

// Errors that say that the answer is another now: the rights or the table are gone. Not one that a server
// gives on its way down.
bool ends_what_was_cached(unsigned error) {
  constexpr std::array<unsigned, 14> ends{1044, 1045, 1049, 1051, 1054, 1109, 1142,
                                          1143, 1146, 1227, 1305, 1347, 1356, 1370};
  return std::find(ends.begin(), ends.end(), error) != ends.end();
}

// Not a write, and nothing that could be one.
bool leaves_data_alone(const command_facts& facts, const prepared_statement* executed) {
  switch (facts.code) {
  case command::query: break;
  case command::stmt_execute: return executed && executed->facts.only_reads;
  case command::ping:
  case command::init_db:
  case command::statistics:
  case command::stmt_prepare:
  case command::stmt_send_long_data:
  case command::stmt_close:
  case command::stmt_reset:
  case command::stmt_fetch: return true;
  default: return false;
  }
  if (!facts.single || !facts.understood) return false;
  switch (facts.kind) {
  case sql::kind::empty:
  case sql::kind::use:
  case sql::kind::begin:
  case sql::kind::savepoint:
  case sql::kind::release_savepoint: return true;
  case sql::kind::set: return facts.assigns_locally || facts.repeatable;
  default: return facts.only_reads;
  }
}

} // namespace

// Before the command is sent. Within a transaction that has written, its own rows are in what it reads.
void session::begin_copy(const command_facts& facts) {
  auto& one = copy_;
  one.lasting = one.wanted = false;
  if (!process().cache && !replicas_) return;
  one.bytes.clear();
  auto* executed =
      protocol::executes_statement(command_.code) ? state_.statements.find(command_.statement) : nullptr;
  if (!state_.in_transaction()) {
    one.since = home_.since_boot();
    one.wrote = state_.next_transaction();
  }
  if (!leaves_data_alone(facts, executed)) one.wrote = true;
  if (own_ && one.wrote) own_->begin_write(facts, executed);
  if (facts.calls_unknown || (executed && executed->facts.calls_unknown)) state_.call_unknown();
  const bool prepares = command_.code == command::stmt_prepare; // whose answer holds no data
  if (!process().cache || !command_.rule.cache.value_or(true) || (one.wrote && !prepares) || !known_ ||
      !command_.whole || command_.decided_in.state != server_state::up || state_.called_unknown() ||
      !state_.unrestorable().empty())
    return;
  one.lasting = is_lasting(facts, executed);
  one.wanted = one.lasting && (inner_ || home_.may_fill());
}

// Whether the command's answer is of use later.
bool session::is_lasting(const command_facts& facts, const prepared_statement* executed) {
  switch (command_.code) {
  case command::query: return facts.lasting;
  case command::stmt_execute:
    return executed && executed->kept && executed->facts.lasting && !executed->long_data &&
           protocol::executes_without_cursor(command_.payload) && state_.reads_as(*executed->made_in);
  case command::stmt_prepare: {
    const auto text = protocol::as_text(command_.payload.subspan(1));
    auto& found = home_.analysis();
    found.analyze(text, state_.dialect());
    return found.single() && sql::is_lasting_read(text, found.first(), state_.database(), state_.dialect());
  }
  default: return false;
  }
}

// A part of it has come, which the tracker has taken. Most answers come in one.
void session::copy_answer(byte_span part) {
  auto& bytes = copy_.bytes;
  const bool complete = tracker_.current() == response_tracker::state::complete;
  if (complete && tracker_.ended_by() == response_tracker::ending::err) forget_what_was_refused();
  if (!copy_.wanted) return;
  if (complete && bytes.empty()) return keep_copy(part);
  const auto before = bytes.size();
  const auto size = before + part.size();
  copy_.wanted = size <= process().settings.cache.max_result;
  if (copy_.wanted && before <= large_answer && size > large_answer && make_read_key())
    copy_.wanted = !process().cache->memory().is_filled_since(home_.scratch().key, copy_.since - moment_ago);
  if (copy_.wanted) bytes.insert(bytes.end(), part.begin(), part.end());
  if (copy_.wanted && complete) keep_copy(bytes);
  if (copy_.wanted && !complete) return;
  if (bytes.capacity() > large_answer)
    bytes = {};
  else
    bytes.clear();
}

// The answer is an error.
void session::forget_what_was_refused() {
  if (!ends_what_was_cached(tracker_.err().number)) return;
  if (make_read_key()) {
    process().cache->forget(home_.scratch().key);
    if (const auto other = key_as_now(command_, home_.scratch().key, query_text(), state_.dialect()))
      process().cache->forget(*other);
  }
  if (own_ && command_.code != command::stmt_prepare) own_->forget_shape();
}

// The whole answer.
void session::keep_copy(byte_span answer) {
  auto& scratch = home_.scratch();
  auto& cache = *process().cache;
  if (tracker_.ended_by() == response_tracker::ending::err) return;
  if (!tracker_.session_state().empty() || tracker_.changes_untold()) return;
  if (answer.size() > process().settings.cache.max_result) return;
  const bool executes = command_.code == command::stmt_execute;
  const auto* one = executes ? state_.statements.find(command_.statement) : nullptr;
  if (command_.code == command::stmt_prepare) {
    if (!protocol::store_prepared(answer, link_->negotiated, tracker_.definitions_hash(), scratch.answer))
      return;
  } else {
    if (!protocol::store_result(answer, link_->negotiated, one ? one->definitions : 0, scratch.answer))
      return;
    // A client that caches definitions would take these for the statement's from here on.
    const bool caches = executes && (negotiated_ & protocol::cap::mariadb_cache_metadata) != 0;
    const auto stored = protocol::read_stored_result(scratch.answer);
    if (!stored || stored->defined == caches) return;
  }
  if (!make_read_key()) return;
  cache.memory().fill(scratch.key, scratch.answer, copy_.since);
  if (const auto other = key_as_now(command_, scratch.key, query_text(), state_.dialect()))
    cache.memory().fill(*other, scratch.answer, copy_.since);
  if (own_ && command_.code != command::stmt_prepare) own_->keep_shape(scratch.answer);
}

namespace {

using boost::algorithm::icontains;

// SET DEFAULT ROLE, SET STATEMENT ... FOR.
bool sets_what_is_unseen(const sql::statement& one) {
  return std::ranges::any_of(one.assignments, [&](const sql::assignment& each) {
    const auto what = each.variable.unquoted();
    return one.kind == sql::kind::set && each.where == sql::assignment::target::other &&
           !boost::algorithm::iequals(what, "ROLE") && !boost::algorithm::iequals(what, "PASSWORD");
  });
}

// Of a text that is not looked into: most of these change rows, and the cache is worth something to them.
bool may_speak_of_rights(std::string_view text) {
  const auto any = [&](std::initializer_list<const char*> words) {
    return std::ranges::any_of(words, [&](const char* word) { return icontains(text, word); });
  };
  if (any({"revoke", "grant", "role", "mysql."}) || (any({"user"}) && any({"drop", "alter", "rename"})))
    return true;
  const auto made = boost::algorithm::ifind_first(text, "immediate"); // EXECUTE IMMEDIATE of an expression
  const auto rest = std::string_view(made.end(), text.end());
  const auto first = rest.find_first_not_of(" \t\r\n");
  return !made.empty() && (first == rest.npos || (rest[first] != '\'' && rest[first] != '"'));
}

// Unknown is EXECUTE IMMEDIATE and the like.
bool may_change_rights(std::string_view text, const sql::analysis& found, const sql::dialect& how) {
  return std::ranges::any_of(found.statements(), [&](const sql::statement& one) {
    const bool unseen = one.kind == sql::kind::unknown || sets_what_is_unseen(one);
    return (unseen && may_speak_of_rights(text)) || sql::changes_rights(text, one, how);
  });
}

} // namespace

// What a right that was taken away allowed is not shown any more. What a procedure takes away is seen as
// little as what is taken away past Holdwater.
void session::notice_rights() {
  if (!process().cache || command_.spent) return;
  std::string_view text;
  if (protocol::executes_statement(command_.code)) {
    if (const auto* one = state_.statements.find(command_.statement)) text = one->text;
  } else if (const auto query = query_text(); query && command_.code == command::query) {
    text = query->text;
  }
  auto& found = home_.analysis();
  found.analyze(text, state_.dialect());
  bool may = may_change_rights(text, found, state_.dialect());
  std::vector<std::string> executed;
  for (const auto& one : found.statements())
    if (one.kind == sql::kind::execute) executed.push_back(lower_name(one.subject));
  for (const auto& name : executed) {
    const auto* one = state_.statements.find(std::string_view(name));
    if (one) found.analyze(one->text, state_.dialect());
    may = may || !one || may_change_rights(one->text, found, state_.dialect());
  }
  if (may) process().cache->clear();
}

// ----------------------------------------------------------------------------------------------------
// the key

// Who asks, and in which settings: made anew only when one of these has changed.
const asker* session::asker_of_reads() {
  const bool executes = command_.code != command::query;
  auto& known = copy_.askers[executes ? 1 : 0];
  const auto version = state_.reading_version() + 1; // 0: never made
  if (known.version == version && known.negotiated == negotiated_ && known.user == login_.user)
    return known.digest.empty() ? nullptr : &known;
  known = {version, negotiated_, login_.user, {}};
  auto& text = home_.scratch().context;
  key_writer context(text);
  context.number(negotiated_ & (executes ? of_answers | of_executions : of_answers));
  context.text(login_.user);
  // the server may know the account by the client's address, where it is told
  context.text(process().settings.server.proxy_protocol == "off" ? std::string() : client_address());
  if (!state_.append_reading_context(context)) return nullptr;
  known.digest = digest_of(text);
  if (process().warm && !executes && !inner_ && command_.decided_in.state == server_state::up)
    process().warm->note({login_.user, state_.database(), worth_repeating(negotiated_), login_.collation,
                          state_.reading_settings()});
  return &known;
}

// Into the worker's scratch: who asks, and then the question itself. False: what the answer depends on is not
// all known.
bool session::make_read_key() {
  auto& scratch = home_.scratch();
  const auto code = command_.code;
  const auto* who = asker_of_reads();
  if (!who) return false;
  key_writer key(scratch.key);
  key.number(static_cast<std::uint8_t>(code), 1);
  key.text(who->digest);
  if (code != command::stmt_execute) {
    key.text(state_.database());
    const auto query = code == command::query ? query_text() : std::nullopt;
    if (code == command::query && !query) return false;
    key.text(query ? query->text : protocol::as_text(command_.payload.subspan(1)));
    return true;
  }
  return append_execution(key);
}

bool session::append_execution(key_writer& key) {
  const auto* one = state_.statements.find(protocol::statement_id_of(command_.payload));
  if (!one) one = state_.statements.find(command_.statement); // the one prepared last
  if (!one || one->types_missed || command_.payload.size() < protocol::execute_head) return false;
  key.text(one->made_in->database);
  key.text(one->text);
  key.number(command_.payload[protocol::cursor_flags_at], 1);
  const auto where = protocol::find_parameter_types(command_.payload, one->parameters, negotiated_);
  if (!where.understood) {
    if (one->parameters > 0) return false;
    key.text(protocol::as_text(command_.payload.subspan(protocol::execute_head)));
    return true;
  }
  const auto types =
      where.sent ? command_.payload.subspan(where.types_at, where.types_size) : byte_span(one->types);
  key.text(protocol::as_text(
      command_.payload.subspan(protocol::execute_head, where.flag_at - protocol::execute_head)));
  key.text(protocol::as_text(types));
  key.text(protocol::as_text(command_.payload.subspan(where.types_at + where.types_size)));
  return true;
}

} // namespace holdwater::proxy
