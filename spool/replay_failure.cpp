// What replay makes of a transaction that failed: wait, look again, or set the culprit aside.
//
// Invariant: a unit is set aside only after the server's own answer to it and a rollback, or when nobody can
// ever know; and it is set aside in the spool before the ledger passes it (README.md, "A refused unit").
#include "spool/replay_engine.hpp"
#include "spool/unit_codec.hpp"

namespace holdwater::spool {
namespace {

constexpr unsigned most_losses = 3; // connections lost in a row before the monitor is asked
// CR_MALFORMED_PACKET: libmariadb's word for an error whose number is a client library's, which a trigger may
// choose.
constexpr unsigned unreadable = 2027;

constexpr char part_may_last[] = "on a non-transactional table: part of it may have been applied";

server_error with_note(server_error error, const std::string& note) {
  error.text += " (" + note + ")";
  return error;
}

// What may be a trigger's, with values of the row, is not for everybody.
server_error without_foreign_words(server_error error) {
  if (!is_in_servers_words(error)) error.text = "an error in words that are not the server's";
  return error;
}

// A server that shuts down ends a statement wherever it stands; the others of their kind come before it
// begins.
bool is_said_before_it_begins(const server_error& error) {
  constexpr unsigned shutting_down = 1053, aborted = 1152;
  return error.number != shutting_down && error.number != aborted;
}

} // namespace

error_class replay_engine::kind_of(const interruption& failed) {
  return failed.signalled ? error_class::refused : classify(failed.error);
}

progress<void> replay_engine::handle(const batch& what, interruption failed) {
  if (failed.transaction_ended) return handle_ended_transaction(what, failed);
  if (failed.session_changed) return part_from_changer(what, failed);
  if (failed.where == stage::units && !is_in_servers_words(failed.error)) {
    end_transaction(what.account());
    auto signalled = may_be_signalled(what.units[failed.unit_index]);
    if (!signalled) return signalled.error();
    failed.signalled = *signalled;
  }
  const auto kind = kind_of(failed);
  if (failed.where == stage::guard && what.alone) not_sent_ = what.first();
  if (failed.error.number == unreadable && failed.where == stage::units)
    return handle_unreadable(what, failed);
  if (kind == error_class::connection_lost) return handle_loss(what, failed);
  const bool undone = end_transaction(what.account());
  if (failed.where == stage::guard) return handle_guard(what, failed);
  if (what.alone && undone && is_ended_by_stop(failed)) return note_not_done(what.first());
  if (what.alone) return handle_alone(what, failed);
  switch (kind) {
  case error_class::withheld:
    if (what.units.size() > 1) return leave_culprit_alone(what, failed);
    return stuck(what.units.front(), without_foreign_words(failed.error));
  case error_class::not_now:
    return unreachable(without_foreign_words(failed.error), "applying unit " + std::to_string(what.first()));
  case error_class::transient: one_by_one_until_ = what.last(); return pause();
  case error_class::refused:
  case error_class::connection_lost: break;
  }
  return handle_refusal(what, failed);
}

bool replay_engine::is_ended_by_stop(const interruption& failed) const {
  constexpr unsigned interrupted = 1317;
  return stop_seen_at_ && failed.where == stage::units && failed.error.number == interrupted &&
         is_in_servers_words(failed.error);
}

// The units behind it have found what it left. It goes again, as the last of its transaction.
progress<void> replay_engine::part_from_changer(const batch& what, const interruption& failed) {
  end_transaction(what.account());
  for (const auto& name : tables_of(what.units[failed.unit_index])) last_of_batch_.insert(name);
  return {};
}

// The new connection asks the ledger before anything else; nothing is decided here.
progress<void> replay_engine::handle_loss(const batch& what, const interruption& failed) {
  sessions_.drop(what.account());
  if (++losses_ >= most_losses) {
    losses_ = 0;
    return unreachable(without_foreign_words(failed.error), "applying unit " + std::to_string(what.first()));
  }
  return pause();
}

// The server has answered, and goes on: a unit that is met so again and again must not stop those behind it.
progress<void> replay_engine::handle_unreadable(const batch& what, const interruption& failed) {
  sessions_.drop(what.account()); // which rolls back
  if (what.units.size() > 1) return leave_culprit_alone(what, failed);
  auto why =
      with_note(failed.error, "the server's error has a number from 2000 to 2999 or from 5000 to 5999, "
                              "and cannot be read");
  return refuse(what.units.front(), what.alone ? with_note(std::move(why), part_may_last) : why);
}

progress<void> replay_engine::handle_guard(const batch& what, const interruption& failed) {
  switch (classify(failed.error)) {
  case error_class::transient: // the row is held, perhaps by a connection lost behind a cut network
    sessions_.end_lost();
    return pause();
  case error_class::refused: return cannot_use_ledger(what.units.front(), failed.error);
  case error_class::withheld: return stuck(what.units.front(), failed.error);
  case error_class::not_now:
  case error_class::connection_lost: break;
  }
  return unreachable(failed.error, "reading the ledger");
}

// Such a table keeps what a failed statement has done, and what its triggers have, which nobody may see: so
// hardly any error allows a repeat.
progress<void> replay_engine::handle_alone(const batch& what, const interruption& failed) {
  const auto kind = kind_of(failed);
  if (failed.where != stage::units) { // its mark decides at the next look
    if (kind == error_class::withheld) return stuck(what.units.front(), failed.error);
    return kind == error_class::not_now ? unreachable(failed.error, "moving the ledger") : pause();
  }
  if (kind == error_class::not_now && failed.statement_index == 0 && is_said_before_it_begins(failed.error)) {
    if (auto done = note_not_done(what.first()); !done) return done;
    return unreachable(without_foreign_words(failed.error), "applying unit " + std::to_string(what.first()));
  }
  return refuse(what.units.front(), with_note(failed.error, part_may_last));
}

// It may last, and whoever mends it may restart us.
progress<void> replay_engine::note_not_done(seq number) {
  not_sent_ = number;
  if (auto done = queue_.forget_attempt(number); !done) return spool_failed(done.error());
  return {};
}

progress<void> replay_engine::handle_refusal(const batch& what, const interruption& failed) {
  if (failed.where == stage::move) return cannot_use_ledger(what.units.front(), failed.error);
  if (what.units.size() > 1) return leave_culprit_alone(what, failed);
  if (failed.where == stage::commit) { // believed only when the ledger agrees
    auto row = ask_ledger(what.units.front());
    if (!row) return row.error();
    if (row->applied != position_ || row->epoch != epoch_) return adopt(*row);
  }
  return refuse(what.units.front(), failed.error);
}

// Those before it are applied without it, so that they wait for nothing and the culprit is known.
progress<void> replay_engine::leave_culprit_alone(const batch& what, const interruption& failed) {
  if (failed.where == stage::units)
    refused_ = what.units[failed.unit_index].number;
  else
    one_by_one_until_ = what.last();
  return {};
}

setback replay_engine::cannot_use_ledger(const unit& what, const server_error& why) {
  const auto reason = why_without_ledger(what.account, why);
  if (what.account == owner()) return halted(attach_status::no_ledger, reason);
  sessions_.drop(what.account); // what it may do was looked up at its login
  return stuck(what, {why.number, why.sql_state, reason});
}

// The owner's write, rolled back, tells whether the server as a whole takes none.
setback replay_engine::stuck(const unit& what, const server_error& why) {
  if (const auto owners = try_ledger(owner())) {
    const auto kind = classify(*owners);
    if (kind != error_class::refused && kind != error_class::transient)
      return unreachable(*owners, "moving the ledger");
  }
  return {setback::kind::stuck, "unit " + std::to_string(what.number) + " of '" + what.account +
                                    "': " + why.text + " (" + std::to_string(why.number) + ")"};
}

// The units so far were committed without the ledger: they must not be sent again, and nobody knows for sure.
progress<void> replay_engine::handle_ended_transaction(const batch& what, const interruption& failed) {
  end_transaction(what.account());
  for (std::size_t i = 0; i <= failed.unit_index; ++i) {
    const server_error why{0, "HY000",
                           "in doubt: statement " + std::to_string(failed.statement_index + 1) + " of unit " +
                               std::to_string(what.units[failed.unit_index].number) +
                               " ended its transaction",
                           true};
    if (auto done = refuse(what.units[i], why); !done) return done;
  }
  return {};
}

progress<void> replay_engine::decide_doubt(const batch& what) {
  auto row = ask_ledger(what.units.front());
  if (!row) return row.error();
  if (row->applied != position_ || row->epoch != epoch_) return adopt(*row);
  return refuse(what.units.front(), {0, "HY000", "in doubt on a non-transactional table", true});
}

// Dead before its client hears of it: a crash in between leaves a letter too many, never a unit that is
// applied although its client was told that it failed.
progress<void> replay_engine::refuse(const unit& what, const server_error& why) {
  if (auto done = queue_.mark_dead(what.number, why); !done) return spool_failed(done.error());
  if (observer_.refused(what.number, why))
    if (auto done = queue_.mark_refused(what.number); !done) return spool_failed(done.error());
  return pass(what);
}

// Any trouble here is left to the next transaction, whose guard tells where the ledger stands.
progress<void> replay_engine::pass(const unit& what) {
  auto session = owners_session();
  if (!session) return session.error();
  auto done = move_past(**session, what.number);
  if (!done && done.error().what == setback::kind::again) return {};
  return done;
}

progress<void> replay_engine::move_past(replay_session& session, seq number) {
  auto begun = session.begin({});
  auto row = begun ? read_guard(session) : server_result<std::optional<ledger_row>>(begun.error());
  if (!row || !*row || (*row)->applied != position_ || (*row)->epoch != epoch_) {
    end_transaction(owner());
    return row && *row ? adopt(**row) : progress<void>(setback{});
  }
  auto moved = session.query(ledger_.move_to(number));
  if (moved) moved = session.query("COMMIT");
  if (!moved) {
    end_transaction(owner());
    return setback{};
  }
  position_ = number;
  return {};
}

} // namespace holdwater::spool
