// The read cache, as a session is answered from it while the server is down.
//
// Invariant: what is said to be N seconds old was true N seconds ago or later; what was written since is told
// to be missing.
#include "protocol/statement_commands.hpp"
#include "protocol/stored_answer.hpp"
#include "proxy/cache/read_cache.hpp"
#include "proxy/server/state_board.hpp"
#include "proxy/session/own_reads.hpp"
#include "proxy/session/replica_reads.hpp"
#include "proxy/session/session.hpp"
#include "proxy/session/times_as_now.hpp"
#include "spool/boot_clock.hpp"
#include "spool/pending_index.hpp"
#include "spool/spool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace holdwater::proxy {

namespace sql = protocol::sql;
using protocol::command;

namespace {} // namespace

// Whether the command may be answered from the cache, if it is there: the server is down for reads too.
// Precondition: describe() was just called.
bool session::may_seek(const command_facts& facts, const server_view& server) {
  if (!process().cache || !known_ || !reads_are_away(server) || !facts.lasting || !facts.single ||
      !command_.whole)
    return false;
  if (replicas_ && replicas_->goes_before_cache(facts, server)) return false;
  return command_.code != command::stmt_execute || executes_plainly();
}

// The server is away for reads too, or has not answered for so long that it may be.
bool session::reads_are_away(const server_view& server) const {
  const bool down =
      server.state == server_state::down || (server.state == server_state::suspect && held_out());
  return down && !server.reads;
}

// The execution at hand asks for its rows at once, and all that it is made of is known.
bool session::executes_plainly() const {
  const auto* one = write_.statement;
  return one && protocol::executes_without_cursor(command_.payload) && why_not_executed_here(*one).empty() &&
         one->long_data_kept.empty();
}

// Brings what only the disk or a shared Redis has into the memory.
task<> session::seek_behind_memory() {
  command_.sought = true;
  if (make_read_key()) {
    const std::string key = home_.scratch().key;
    const auto other = key_as_now(command_, key, query_text(), state_.dialect());
    const bool found = co_await bring_to_memory(key);
    if (!found && other) static_cast<void>(co_await bring_to_memory(*other));
  }
  if (!own_ || !own_->make_key()) co_return;
  const std::string shape = home_.scratch().key;
  static_cast<void>(co_await bring_to_memory(shape));
}

// Whether it is there then.
task<bool> session::bring_to_memory(const std::string& key) {
  auto& cache = *process().cache;
  const auto there = [&] { return cache.memory().is_filled_since(key, cache_moment::min()); };
  if (there()) co_return true;
  const auto search = cache.seek(key, [weak = weak_from_this(), &loop = home_.loop()] {
    loop.post([weak] {
      if (const auto self = weak.lock()) self->wake_.notify();
    });
  });
  const auto begun = home_.since_boot();
  while (!stopping_ && !client_->closed()) {
    const auto longest = search.longest();
    const auto left = longest - (home_.since_boot() - begun);
    if (longest.count() == 0 || left.count() <= 0) break;
    home_.deadlines().set(limit_, std::chrono::ceil<std::chrono::milliseconds>(left));
    co_await wake_.wait();
    if (limit_.expired()) break;
  }
  limit_.clear();
  co_return there();
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
  if (!prepares && state_.locks_reads())
    return fail("the server is down, and a SERIALIZABLE transaction locks what it reads");
  if (!make_read_key()) return fail("the server is down, and what this read depends on is not known");
  auto found = cache.memory().find(home_.scratch().key);
  if (!found)
    if (const auto other = key_as_now(command_, home_.scratch().key, query_text(), state_.dialect()))
      found = cache.memory().find(*other);
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
  const bool written =
      !tables.empty() && !out.untouched && ((queue && queue->pending_on(tables)) || mine.writes_any(tables));
  if (written && process().settings.cache.after_write == "refuse")
    return fail(
        "the server is down, and queued writes to what this statement reads are not in what is cached");
  out.note = fmt::format("Holdwater: the server is down; this answer is from the cache, {} s old",
                         std::chrono::duration_cast<std::chrono::seconds>(age).count());
  out.note += missing_writes(written, number > 0 || (queue && queue->counts().pending > 0));
  if (stored->warnings > 0)
    out.note += fmt::format("; it had {} warning(s) of the server's", stored->warnings);
  out.opens = facts.kind == sql::kind::select;
  now.cached = true;
}

// As the server answered it, with one warning.
task<bool> session::answer_cached() {
  if (cached_.opens) state_.read_here(process().writes != nullptr);
  const auto stored = protocol::read_stored_result(cached_.stored);
  constexpr auto of_the_answer =
      protocol::server_status::no_index_used | protocol::server_status::no_good_index_used;
  const auto status = static_cast<std::uint16_t>(told_status() | (stored->status & of_the_answer));
  protocol::byte_buffer out;
  append_stored_result(out, static_cast<std::uint8_t>(command_.sequence + 1), *stored, status, 1,
                       negotiated_);
  process().cache->hits.fetch_add(1, std::memory_order_relaxed);
  said_ = {.number = note_number, .text = cached_.note, .apart = true};
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
  said_.clear();
  co_return co_await answer(out);
}

} // namespace holdwater::proxy
