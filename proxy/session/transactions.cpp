// Transactions while the server is away: they are collected here, statement by statement, and their COMMIT
// appends all of it as one unit. put_on_server.cpp has what becomes of one whose server comes back before.
//
// Invariant: while one is collected and the server is not up, the session has no server connection, so that
// nothing of it can be half here and half there. While reads go on, it may have one as long as nothing is
// collected (snapshot.cpp).
#include "protocol/sql/characters.hpp"
#include "proxy/server/state_board.hpp"
#include "proxy/session/session.hpp"
#include "proxy/spooling/write_queue.hpp"

#include <fmt/format.h>

namespace holdwater::proxy {

namespace sql = protocol::sql;
using sql::trait;

namespace {

constexpr std::string_view collected_note =
    "Holdwater: the server is down; this write is collected and will be queued at COMMIT";

} // namespace

// Of the command's text. Valid until the next suspension point.
const sql::analysis& session::analyze_command() {
  auto& found = home_.analysis();
  found.analyze(command_.as_text ? write_.text : query_text()->text, state_.dialect());
  return found;
}

// The server connection's transaction, locks and the like are gone with it. Precondition: the session can be
// restored.
void session::part_from_server() {
  if (!link_) return;
  say_goodbye(*link_);
  link_.reset();
  state_.status = static_cast<std::uint16_t>(state_.status & ~protocol::server_status::in_trans);
  state_.statements.lost_connection();
}

// What a client is told: a transaction that is collected here is one, too.
std::uint16_t session::told_status() const {
  auto status = static_cast<std::uint16_t>(state_.status & ~protocol::server_status::no_backslash_escapes);
  if (state_.dialect().no_backslash_escapes) status |= protocol::server_status::no_backslash_escapes;
  if (more_follows_) status |= protocol::server_status::more_results_exists;
  if (!state_.collected.open()) return status;
  status |= protocol::server_status::in_trans;
  if (state_.collected.mode().read_only) status |= protocol::server_status::in_trans_readonly;
  return status;
}

void session::open_collected(const sql::statement& begin) {
  auto mode = state_.take_transaction_mode();
  if (has(begin.traits, trait::read_only_transaction)) mode.read_only = true;
  if (has(begin.traits, trait::read_write_transaction)) mode.read_only = false;
  mode.snapshot = has(begin.traits, trait::consistent_snapshot);
  if (!process().board.view().reads) part_from_server();
  state_.collected.forget();
  state_.collected.begin(std::move(mode));
}

task<bool> session::begin_collected() {
  co_await leave_snapshot();
  open_collected(analyze_command().first());
  co_return co_await answer_ok();
}

// Whether the transaction that is open, or begins now, has room: then it is here from now on.
bool session::may_collect(const std::vector<spool::statement>& more) {
  auto& mine = state_.collected;
  if (!mine.open()) mine.begin(state_.take_transaction_mode());
  const auto& settings = process().settings.spool;
  if (!mine.has_room_for(more, {settings.max_transaction_bytes, settings.max_transaction_statements}))
    return false;
  if (mine.reading()) mine.end_reading(); // what it goes on with is here
  part_from_server();
  return true;
}

// The server has come up since the decision: it makes ids itself now, and reserved ones are in doubt.
bool session::decided_otherwise() {
  return process().board.view().state != command_.decided_in.state;
}

// One write more. A refused one leaves the transaction as it was, as on a server.
task<session::verdict> session::collect_write() {
  write_refusal why;
  auto draft = make_writes(why);
  if (!draft && decided_otherwise()) co_return verdict::decide_again;
  if (draft && !may_collect(draft->what)) {
    draft.reset();
    why.error = client_error::transaction_full;
    why.reason = too_large_to_collect;
  }
  bool told = false;
  if (!draft) {
    process().counters.commands_refused.fetch_add(1, std::memory_order_relaxed);
    told = co_await answer_error(why.error, why.reason);
    co_return told ? verdict::next_command : verdict::end_session;
  }
  for (auto& one : draft->what) state_.collected.add(std::move(one));
  const std::string note(collected_note);
  if (draft->returned) {
    state_.known_last_insert_id = last_insert_id_ = draft->insert_id;
    told = co_await answer_returned(*draft->returned, note);
  } else {
    told = co_await answer_noted(note, draft->rows, draft->insert_id);
  }
  co_return told ? verdict::next_command : verdict::end_session;
}

// Precondition: may_collect() said so of it.
task<bool> session::collect_statement(spool::statement& one, const spooled_ok& promised) {
  state_.collected.add(std::move(one));
  const std::string note(collected_note);
  co_return co_await answer_noted(note, promised.rows, promised.insert_id);
}

// COMMIT, and what commits besides: BEGIN, SET autocommit = 1.
task<session::verdict> session::commit_collected() {
  auto& mine = state_.collected;
  if (!mine.open() || mine.empty()) {
    co_await leave_snapshot();
    mine.forget();
    const bool goes_on = follow_commit();
    const bool told = co_await answer_ok();
    co_return told&& goes_on ? verdict::next_command : verdict::end_session;
  }
  if (!process().board.enter_append()) co_return verdict::decide_again;
  auto unit = make_unit(mine.take());
  const spooled_ok promised{0, 0, true};
  co_return co_await append_unit(unit, promised);
}

// What the statement that has ended a transaction does next. False: the session ends (RELEASE).
bool session::follow_commit() {
  const auto& one = analyze_command().first();
  transaction_lost_ = false;
  state_.doubt = transaction_doubt::none;
  if (one.kind == sql::kind::begin) open_collected(one);
  if (one.kind == sql::kind::set) {
    part_from_server(); // which has not heard of it
    state_.assign_here(one);
  }
  if (one.kind != sql::kind::commit && one.kind != sql::kind::rollback) return true;
  if (has(one.traits, trait::release_connection)) return false;
  if (has(one.traits, trait::chain_or_release)) {
    part_from_server();
    auto& mine = state_.collected;
    mine.ended_one() ? mine.chain() : mine.begin(state_.take_transaction_mode());
  }
  return true;
}

task<session::verdict> session::rollback_collected() {
  co_await leave_snapshot();
  state_.collected.forget();
  const bool goes_on = follow_commit();
  const bool told = co_await answer_ok();
  co_return told&& goes_on ? verdict::next_command : verdict::end_session;
}

// SAVEPOINT, ROLLBACK TO, RELEASE SAVEPOINT.
task<bool> session::savepoint_collected() {
  const auto& one = analyze_command().first();
  const auto kind = one.kind;
  auto name = one.subject.unquoted();
  auto& mine = state_.collected;
  if (!sql::is_ascii(name)) { // its case, and its letters in another character set, are the server's to know
    const std::string text = "the server is down, and this savepoint's name is not plain ASCII";
    co_return co_await answer_error(client_error::needs_server, text);
  }
  bool known = true;
  if (kind == sql::kind::savepoint) {
    constexpr std::size_t longest_name = 64;
    if (name.size() > longest_name) {
      const std::string text = "the server is down, and this savepoint's name is longer than is kept";
      co_return co_await answer_error(client_error::transaction_full, text);
    }
    if (!mine.open() && !state_.autocommit()) mine.begin(state_.take_transaction_mode());
    if (mine.open() && mine.savepoints().size() >= process().settings.spool.max_transaction_statements) {
      const std::string text = "the server is down, and this transaction has as many savepoints as are kept";
      co_return co_await answer_error(client_error::transaction_full, text);
    }
    if (mine.open()) mine.set_savepoint(name); // outside of a transaction it does nothing
  } else if (kind == sql::kind::rollback_to_savepoint) {
    known = mine.open() && mine.roll_back_to(name);
  } else {
    known = mine.open() && mine.release_savepoint(name);
  }
  if (known) co_return co_await answer_ok();
  const auto text = fmt::format("SAVEPOINT {} does not exist", name);
  co_return co_await answer_error(client_error::no_savepoint, text);
}

// COMMIT cannot be: the transaction is gone, as after any failed COMMIT.
// False: nobody can tell whether it was committed, and the session ends as behind a COMMIT in doubt.
task<bool> session::tell_lost_transaction() {
  transaction_lost_ = false;
  process().counters.transactions_lost.fetch_add(1, std::memory_order_relaxed);
  if (std::exchange(state_.doubt, transaction_doubt::none) != transaction_doubt::committed)
    co_return co_await answer_error(
        client_error::transaction_lost,
        "the server was lost and has rolled this transaction back; try restarting transaction");
  co_await answer_error(client_error::outcome_unknown,
                        "the server was lost, and a statement that had failed before may have committed this "
                        "transaction: it is not known whether it was");
  co_return false;
}

task<bool> session::fail_transaction(client_error which, std::string_view reason) {
  state_.collected.forget();
  process().counters.commands_refused.fetch_add(1, std::memory_order_relaxed);
  const auto text = fmt::format("{}; the transaction was rolled back", reason);
  co_return co_await answer_error(which, text);
}

} // namespace holdwater::proxy
