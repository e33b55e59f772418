// What the end of a command's trip to the server means for the client and for the session: who may repeat,
// who is told that the outcome is unknown, and which answers say that the server takes no writes now.
#include "proxy/server/monitor.hpp"
#include "proxy/server/state_board.hpp"
#include "proxy/session/own_reads.hpp"
#include "proxy/session/session.hpp"

#include "protocol/statement_commands.hpp"

#include <fmt/format.h>

namespace holdwater::proxy {

using protocol::response_tracker;
using protocol::sql::kind;

namespace {

bool names_read_only(const protocol::err_message& error) {
  return error.text.find("read-only") != std::string_view::npos ||
         error.text.find("read_only") != std::string_view::npos;
}

constexpr unsigned shutting_down = 1053; // ER_SERVER_SHUTDOWN

// Errors that mean "not now" and are given before anything was done, so that the same statement may be tried
// again.
bool means_not_now(const protocol::err_message& error) {
  switch (error.number) {
  case 1290: return names_read_only(error); // ER_OPTION_PREVENTS_STATEMENT
  case 1836: return true;                   // ER_READ_ONLY_MODE
  case 1047:
    return error.text.find("WSREP") != std::string_view::npos; // ER_UNKNOWN_COM_ERROR: Galera not ready
  default: return false;
  }
}

// These, and others that a client gets as they are.
bool is_sign_of_trouble(const protocol::err_message& error) {
  constexpr unsigned hook_failed = 3100, innodb_read_only = 1874;
  return means_not_now(error) || error.number == shutting_down || error.number == hook_failed ||
         error.number == innodb_read_only;
}

// The loss of a connection, unless it is one to a server that is known to have gone away: that says nothing
// of the present one.
void report_loss(services& process, const std::optional<server_link>& link, const std::string& what) {
  if (link && link->outage == process.board.view().outage) process.watch.report(what);
}

} // namespace

// The statement may be decided anew: the server was up when it was sent, and nothing was done.
bool session::refused_for_now() {
  if (tracker_.ended_by() != response_tracker::ending::err || !home_.process().writes || !command_.single ||
      command_.spent || command_.decided_in.state != server_state::up || state_.in_transaction() ||
      held_out() || !means_not_now(tracker_.err()))
    return false;
  const auto* one =
      protocol::executes_statement(command_.code) ? state_.statements.find(command_.statement) : nullptr;
  return !one || !one->long_data; // which it has used up
}

// A server that shuts down ends its statements one by one, with 1053, before it hangs up. Where a loss would
// do no harm, it is one: a read is repeated, and a transaction is as lost as its connection will be. To an
// autocommit write it is the answer, as it was rolled back, but on a table that cannot.
bool session::is_cut_off_harmlessly() {
  if (tracker_.ended_by() != response_tracker::ending::err || tracker_.err().number != shutting_down ||
      !known_)
    return false;
  command_facts facts;
  facts.repeatable = command_.repeatable;
  facts.stays_in_transaction = command_.stays;
  facts = with_statement(facts);
  if (state_.in_transaction()) return facts.stays_in_transaction || facts.repeatable;
  return facts.repeatable && !command_.spent;
}

// An answer that the client has: the monitor hears of one that means "not now".
void session::notice_not_now() {
  if (tracker_.ended_by() != response_tracker::ending::err || !home_.process().writes ||
      command_.decided_in.state != server_state::up || !is_sign_of_trouble(tracker_.err()))
    return;
  process().watch.report(fmt::format("statement: {} ({})", tracker_.err().text, tracker_.err().number));
}

// What the end of the trip means for the client and for the session.
task<session::verdict> session::conclude(trip how, const command_facts& facts) {
  if (how != trip::answered && record_->doomed.load(std::memory_order_acquire))
    co_return verdict::end_session;
  const auto unknown_before = to_learn_.size();
  switch (how) {
  case trip::answered:
    notice_not_now();
    // only what gives a lost transaction up was sent to the server: ROLLBACK, a reset
    if (tracker_.ended_by() != response_tracker::ending::err) transaction_lost_ = false;
    if (command_.changes_logins) notice_rights();
    apply_effects(facts);
    // What the command itself has made unknown is asked for in any case.
    if (may_learn(to_learn_.size() > unknown_before ? command_facts{} : with_statement(facts)))
      co_await learn_variables();
    if (command_.marked) leave_note();
    stale_ = stale_ || (command_.noted && state_.in_transaction());
    co_return verdict::next_command;
  case trip::client_gone: co_return verdict::end_session;
  case trip::not_now:
    if (own_) own_->nothing_done();
    process().watch.report(fmt::format("statement: {} ({})", tracker_.err().text, tracker_.err().number));
    co_return verdict::decide_again;
  case trip::not_sent:
    report_loss(process(), link_, "statement: the connection was lost before it was sent");
    if (own_) own_->nothing_done();
    drop_link();
    co_return known_ ? verdict::decide_again : verdict::end_session;
  case trip::cut: co_return co_await conclude_cut();
  case trip::discarded:
  case trip::lost: break;
  }
  co_return co_await conclude_lost(how, facts);
}

// The client has seen a part of the answer. Between two rows an error may stand; elsewhere only hanging up is
// honest.
task<session::verdict> session::conclude_cut() {
  report_loss(process(), link_, "statement: the connection was lost in the middle of an answer");
  const bool may_say = tracker_.at_packet_boundary() && tracker_.in_rows() && known_;
  const auto sequence = tracker_.next_sequence();
  drop_link();
  transaction_lost_ = false; // this error tells it
  if (!may_say || client_->closed()) co_return verdict::end_session;
  const bool told = co_await answer_error_at(sequence, client_error::answer_cut,
                                             "the server was lost in the middle of this result");
  co_return told ? verdict::next_command : verdict::end_session;
}

// No byte of the answer has come. What may be repeated is decided anew; the rest is told the truth.
task<session::verdict> session::conclude_lost(trip how, const command_facts& described) {
  report_loss(process(), link_, "statement: the connection was lost before its answer came");
  const bool in_transaction = state_.in_transaction();
  const auto facts = with_statement(described);
  if (auto* one = state_.statements.find(command_.statement);
      one && protocol::executes_statement(command_.code))
    one->long_data_lost = one->long_data_lost && facts.repeatable; // or told by this command's error
  const bool commits = facts.kind == kind::commit || (in_transaction && may_commit(facts));
  const bool stays = (facts.stays_in_transaction || facts.repeatable) && !commits;
  // A write behind an error that has perhaps ended the transaction was perhaps none of it.
  const bool rolled_back = how == trip::discarded ||
                           (stays && (facts.repeatable || state_.doubt != transaction_doubt::rolled_back));
  drop_link();
  if (client_->closed() || !known_) co_return verdict::end_session;
  if (how == trip::lost && facts.repeatable && !in_transaction && !command_.spent)
    co_return verdict::decide_again;
  if (in_transaction && rolled_back)
    co_return co_await carry_out({action::lose_transaction, {}, {}}) ? verdict::next_command
                                                                     : verdict::end_session;
  transaction_lost_ = false;
  if (how == trip::discarded) {
    const bool told = co_await answer_error(
        client_error::needs_server, "the connection to the server was lost before the statement was sent");
    co_return told ? verdict::next_command : verdict::end_session;
  }
  process().counters.writes_in_doubt.fetch_add(1, std::memory_order_relaxed);
  const bool told = co_await answer_error(
      client_error::outcome_unknown,
      commits
          ? "the server's answer to COMMIT was lost: it is not known whether the transaction was committed"
          : "the server's answer was lost: it is not known whether the statement was carried out");
  co_return told && !commits ? verdict::next_command : verdict::end_session;
}

} // namespace holdwater::proxy
