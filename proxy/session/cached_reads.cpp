// The read cache, as a session fills it while the server is up and answers from it while it is down.
//
// Invariant: what is kept under a key was the server's answer to that very question (statement, parameters),
// asked by that account in that database and in those settings, of data that everyone could see; what is said
// to be N seconds old was true N seconds ago or later.
#include "protocol/sql/lasting_reads.hpp"
#include "protocol/statement_commands.hpp"
#include "protocol/stored_answer.hpp"
#include "proxy/cache/key_digest.hpp"
#include "proxy/cache/key_writer.hpp"
#include "proxy/cache/read_cache.hpp"
#include "proxy/server/state_board.hpp"
#include "proxy/session/session.hpp"
#include "spool/boot_clock.hpp"
#include "spool/pending_index.hpp"
#include "spool/spool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace holdwater::proxy {

namespace sql = protocol::sql;
using protocol::byte_span;
using protocol::command;
using protocol::response_tracker;

namespace {

constexpr unsigned note_number = 1105; // as for the Note of a queued write

// A larger answer is not copied again when it was copied a moment ago.
constexpr std::size_t large_answer = 64 * 1024;
constexpr cache_moment moment_ago = std::chrono::seconds(10);

constexpr std::size_t execute_head = 10; // command, id, cursor flags, iteration count
constexpr std::size_t cursor_flags_at = 5;
constexpr std::uint8_t cursor_types = 0x07;

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

// ----------------------------------------------------------------------------------------------------
// in

// Before the command is sent. Within a transaction that has written, its own rows are in what it reads.
void session::begin_copy(const command_facts& facts) {
  auto& one = copy_;
  one.lasting = one.wanted = false;
  if (!process().cache) return;
  one.bytes.clear();
  auto* executed =
      protocol::executes_statement(command_.code) ? state_.statements.find(command_.statement) : nullptr;
  if (!state_.in_transaction()) {
    one.since = home_.since_boot();
    one.wrote = state_.next_transaction();
  }
  if (!leaves_data_alone(facts, executed)) one.wrote = true;
  if (facts.calls_unknown || (executed && executed->facts.calls_unknown)) state_.call_unknown();
  const bool prepares = command_.code == command::stmt_prepare; // whose answer holds no data
  if (!command_.rule.cache.value_or(true) || (one.wrote && !prepares) || !known_ || !command_.whole ||
      command_.decided_in.state != server_state::up || state_.called_unknown() ||
      !state_.unrestorable().empty())
    return;
  one.lasting = is_lasting(facts, executed);
  one.wanted = one.lasting && home_.may_fill();
}

// Whether the command's answer is of use later.
bool session::is_lasting(const command_facts& facts, const prepared_statement* executed) {
  switch (command_.code) {
  case command::query: return facts.lasting;
  case command::stmt_execute:
    return executed && executed->kept && executed->facts.lasting && !executed->long_data &&
           command_.payload.size() >= execute_head &&
           (command_.payload[cursor_flags_at] & cursor_types) == 0 && state_.reads_as(*executed->made_in);
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
  if (ends_what_was_cached(tracker_.err().number) && make_read_key())
    process().cache->forget(home_.scratch().key);
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
  if (make_read_key()) cache.memory().fill(scratch.key, scratch.answer, copy_.since);
}

// What a right that was taken away allowed is not shown any more.
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
  for (const auto& one : found.statements())
    if (sql::changes_rights(text, one, state_.dialect())) return process().cache->clear();
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
  if (!one || one->types_missed || command_.payload.size() < execute_head) return false;
  key.text(one->made_in->database);
  key.text(one->text);
  key.number(command_.payload[cursor_flags_at], 1);
  const auto where = protocol::find_parameter_types(command_.payload, one->parameters, negotiated_);
  if (!where.understood) {
    if (one->parameters > 0) return false;
    key.text(protocol::as_text(command_.payload.subspan(execute_head)));
    return true;
  }
  const auto types =
      where.sent ? command_.payload.subspan(where.types_at, where.types_size) : byte_span(one->types);
  key.text(protocol::as_text(command_.payload.subspan(execute_head, where.flag_at - execute_head)));
  key.text(protocol::as_text(types));
  key.text(protocol::as_text(command_.payload.subspan(where.types_at + where.types_size)));
  return true;
}

// ----------------------------------------------------------------------------------------------------
// out

// Whether the command may be answered from the cache, if it is there: the server is down for reads too.
// Precondition: describe() was just called.
bool session::may_seek(const command_facts& facts, const server_view& server) {
  const bool down =
      server.state == server_state::down || (server.state == server_state::suspect && held_out());
  if (!process().cache || !known_ || !down || server.reads || !facts.lasting || !facts.single) return false;
  if (command_.code != command::stmt_execute) return command_.whole;
  const auto* one = write_.statement;
  return one && command_.whole && command_.payload.size() >= execute_head &&
         why_not_executed_here(*one).empty() && one->long_data_kept.empty() &&
         (command_.payload[cursor_flags_at] & cursor_types) == 0;
}

// Brings what only the disk has into the memory.
task<> session::seek_on_disk() {
  command_.sought = true;
  auto& cache = *process().cache;
  if (!cache.disk() || !make_read_key() ||
      cache.memory().is_filled_since(home_.scratch().key, cache_moment::min()))
    co_return;
  const auto look = cache.disk()->seek(home_.scratch().key, [weak = weak_from_this(), &loop = home_.loop()] {
    loop.post([weak] {
      if (const auto self = weak.lock()) self->wake_.notify();
    });
  });
  constexpr std::chrono::seconds longest{1};
  home_.deadlines().set(limit_, longest);
  while (!look->done.load(std::memory_order_acquire) && !limit_.expired() && !stopping_ && !client_->closed())
    co_await wake_.wait();
  limit_.clear();
}

// Fills cached_, and what the decision needs to know of it. Preconditions: may_seek(); the worker's analysis
// holds the statement.
void session::find_cached(const command_facts& facts, situation& now) {
  auto& cache = *process().cache;
  auto& out = cached_;
  const auto fail = [&](std::string why) {
    out.stored.clear();
    out.refusal = std::move(why);
    now.not_cached = out.refusal;
    cache.misses.fetch_add(1, std::memory_order_relaxed);
  };
  const bool prepares = command_.code == command::stmt_prepare;
  const bool in_transaction = state_.collected.open() || !state_.autocommit();
  const auto& isolation =
      state_.collected.open() ? state_.collected.mode().isolation : state_.context().isolation;
  if (in_transaction && !prepares && isolation == "SERIALIZABLE")
    return fail("the server is down, and a SERIALIZABLE transaction locks what it reads");
  if (!make_read_key()) return fail("the server is down, and what this read depends on is not known");
  auto found = cache.memory().find(home_.scratch().key);
  if (!found) return fail("");
  const auto age = std::max(spool::since_boot() - found->at, cache_moment(0));
  if (age > command_.rule.max_stale.value_or(process().settings.cache.max_stale)) {
    cache.too_old.fetch_add(1, std::memory_order_relaxed);
    return fail("the server is down, and what is cached of this read is older than cache.max_stale");
  }
  out.stored = std::move(found->bytes);
  if (prepares) {
    if (!protocol::read_stored_prepared(out.stored)) return fail("");
    now.cached = true;
    return;
  }
  const auto stored = protocol::read_stored_result(out.stored);
  const auto* one = write_.statement;
  const bool complete = stored && (stored->defined || (one && one->definitions == stored->definitions));
  if (!complete) return fail("");

  const auto& statement = home_.analysis().first();
  const auto tables = tables_of(statement, write_.database, false);
  spool::pending_index mine; // of the open transaction, which the answer lacks as well
  spool::seq number = 0;
  for (const auto& each : state_.collected.statements()) mine.add_pending(++number, 0, {}, each.tables);
  const auto* queue = process().queue;
  const bool written = !tables.empty() && ((queue && queue->pending_on(tables)) || mine.writes_any(tables));
  if (written && process().settings.cache.after_write == "refuse")
    return fail(
        "the server is down, and queued writes to what this statement reads are not in what is cached");
  out.note = fmt::format("Holdwater: the server is down; this answer is from the cache, {} s old",
                         std::chrono::duration_cast<std::chrono::seconds>(age).count());
  if (written)
    out.note += "; writes to what it reads are queued and not in it";
  else if (number > 0 || (queue && queue->counts().pending > 0))
    out.note += "; other writes are queued";
  if (stored->warnings > 0)
    out.note += fmt::format("; it had {} warning(s) of the server's", stored->warnings);
  out.opens = facts.kind == sql::kind::select;
  now.cached = true;
}

// As the server answered it, with one warning.
task<bool> session::answer_cached() {
  auto* const one = write_.statement;
  if (one && one->parameters > 0) {
    const auto where = protocol::find_parameter_types(command_.payload, one->parameters, negotiated_);
    if (where.sent && where.understood) { // and the server does not know them
      state_.statements.keep_types(*one, command_.payload.subspan(where.types_at, where.types_size));
      state_.statements.withhold_types(*one);
    }
  }
  auto& transaction = state_.collected;
  if (cached_.opens && !state_.autocommit() && !transaction.open() && process().writes)
    transaction.begin(state_.take_transaction_mode());
  if (cached_.opens && transaction.open()) transaction.end_reading(); // the server could not go on from it
  const auto stored = protocol::read_stored_result(cached_.stored);
  constexpr auto of_the_answer =
      protocol::server_status::no_index_used | protocol::server_status::no_good_index_used;
  const auto status = static_cast<std::uint16_t>(told_status() | (stored->status & of_the_answer));
  protocol::byte_buffer out;
  append_stored_result(out, static_cast<std::uint8_t>(command_.sequence + 1), *stored, status, 1,
                       negotiated_);
  process().cache->hits.fetch_add(1, std::memory_order_relaxed);
  said_ = {false, note_number, cached_.note};
  co_return co_await answer(out);
}

// COM_STMT_PREPARE of a read that was prepared before.
task<bool> session::prepare_cached() {
  const auto stored = protocol::read_stored_prepared(cached_.stored);
  prepared_statement one;
  one.text = write_.text;
  one.parameters = stored->parameters;
  one.definitions = stored->definitions;
  one.facts = describe_prepared(one.text, state_, home_.analysis());
  const auto id = state_.statements.opened_here(std::move(one), state_.preparing());
  if (!id) {
    const std::string text = "the server is down, and this statement is too large to be remembered for it";
    co_return co_await answer_error(client_error::needs_server, text);
  }
  protocol::byte_buffer out;
  append_stored_prepared(out, static_cast<std::uint8_t>(command_.sequence + 1), *stored, *id, told_status(),
                         negotiated_);
  said_.text.clear();
  co_return co_await answer(out);
}

} // namespace holdwater::proxy
