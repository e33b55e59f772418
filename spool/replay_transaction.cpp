// One guarded transaction: begin, read the ledger's row locked, the units, move the row, commit. Each answer
// is awaited before the next statement is sent, so after an error nothing of ours is on its way.
#include "spool/replay_engine.hpp"

#include <charconv>

namespace holdwater::spool {
namespace {

std::uint64_t number_of(const std::optional<std::string>& text) {
  std::uint64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

} // namespace

setback replay_engine::unreachable(const server_error& error, const std::string& doing) {
  constexpr unsigned shutting_down = 1053;
  return {setback::kind::unreachable, doing + ": " + error.text + " (" + std::to_string(error.number) + ")",
          attach_status::ready, classify(error) == error_class::not_now && error.number != shutting_down};
}

progress<replay_session*> replay_engine::session_for(const std::string& account) {
  auto session = sessions_.get(account);
  if (session) return *session;
  if (signal_.stopped()) return setback{setback::kind::stopped, "stopped"};
  return unreachable(session.error(), "connecting as '" + account + "'");
}

server_result<std::optional<ledger_row>> replay_engine::read_guard(replay_session& session) {
  auto answer = session.query(ledger_.read_locked());
  if (!answer) return answer.error();
  if (answer->rows.empty()) return std::optional<ledger_row>();
  const auto& values = answer->rows.front();
  return std::optional(ledger_row{number_of(values.at(0)), number_of(values.at(1))});
}

replay_engine::transaction_outcome replay_engine::transact(replay_session& session, const batch& what) {
  transaction_outcome outcome;
  const auto failed = [&](stage where, const server_error& error) {
    outcome.failed = interruption{where, error};
    return outcome;
  };
  if (auto done = session.begin(what.units.front().statements.front().context.isolation); !done)
    return failed(stage::guard, done.error());
  auto row = read_guard(session);
  if (!row) return failed(stage::guard, row.error());
  outcome.row_gone = !*row;
  if (*row && ((*row)->applied != position_ || (*row)->epoch != epoch_)) outcome.differs = **row;
  if (outcome.row_gone || outcome.differs) return outcome;
  outcome.failed = send_units(session, what, outcome);
  if (outcome.failed) return outcome;
  if (auto moved = session.query(ledger_.move_to(what.last())); !moved)
    return failed(stage::move, moved.error());
  if (auto done = session.query("COMMIT"); !done) return failed(stage::commit, done.error());
  return outcome;
}

std::optional<replay_engine::interruption>
replay_engine::send_units(replay_session& session, const batch& what, transaction_outcome& outcome) {
  for (std::size_t i = 0; i < what.units.size(); ++i) {
    auto& answers = outcome.answers.emplace_back();
    const auto& statements = what.units[i].statements;
    for (std::size_t k = 0; k < statements.size(); ++k) {
      auto answer = session.run(statements[k]);
      if (!answer) return interruption{stage::units, answer.error(), i, k};
      if (!answer->in_transaction) return interruption{stage::units, {}, i, k, true};
      answers.push_back(std::move(answer->summary));
    }
  }
  return std::nullopt;
}

// What the ledger says once no other transaction holds its row; waits for that as long as it takes.
progress<ledger_row> replay_engine::ask_ledger(const std::string& account) {
  while (true) {
    auto session = session_for(account); // each time: the steps below may have dropped it
    if (!session) return session.error();
    auto begun = (*session)->begin({});
    auto row = begun ? read_guard(**session) : server_result<std::optional<ledger_row>>(begun.error());
    end_transaction(account);
    if (row && *row) return **row;
    if (row) return halted(attach_status::ledger_gone, "the ledger's row is gone");
    if (classify(row.error()) != error_class::transient) return unreachable(row.error(), "asking the ledger");
    sessions_.end_lost();
    if (auto rested = pause(); !rested) return rested.error();
  }
}

// Also after errors that have rolled back already: what matters is that nothing is open when the next one
// begins.
void replay_engine::end_transaction(const std::string& account) {
  auto* session = sessions_.existing(account);
  if (session == nullptr) return;
  if (session->broken() || !session->rollback()) sessions_.drop(account);
}

} // namespace holdwater::spool
