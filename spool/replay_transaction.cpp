// One guarded transaction: begin, read the ledger's row locked, the units, move the row, commit. The guard's
// answer is awaited before the first unit is sent, and those of all units before the row is moved; the units
// themselves are sent many at a time. What is behind one that failed is undone with it: nothing is committed
// but by our COMMIT.
#include "spool/replay_engine.hpp"

#include <boost/algorithm/string/predicate.hpp>

#include <charconv>
#include <span>

namespace holdwater::spool {
namespace {

std::uint64_t number_of(const std::optional<std::string>& text) {
  std::uint64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

struct placed_statement {
  std::size_t unit;  // its index
  std::size_t place; // within the unit
  const statement* what;
};

// Whether a login was refused for what the account is, not for how the server is.
bool is_for_its_account(const server_error& error) {
  constexpr unsigned no_such_plugin = 2059, plugin_failed = 2061; // the library's own
  const auto kind = classify(error);
  return kind == error_class::withheld || kind == error_class::refused || error.number == no_such_plugin ||
         error.number == plugin_failed;
}

// The id that was reserved for its row went to another's, or to none: perhaps a trigger has taken it. What
// may make no row is not judged.
bool has_other_id(const statement& what, const query_answer& answer) {
  using boost::algorithm::icontains;
  return what.insert_id && answer.summary.insert_id != *what.insert_id && !icontains(what.text, "ignore") &&
         !icontains(what.text, "duplicate");
}

server_error other_id(const statement& what, const query_answer& answer) {
  return {0, "HY000",
          "its row got the id " + std::to_string(answer.summary.insert_id) + " instead of " +
              std::to_string(*what.insert_id) +
              ", which was reserved for it: perhaps a trigger took that one"};
}

std::vector<placed_statement> statements_of(const std::vector<unit>& units) {
  std::vector<placed_statement> all;
  for (std::size_t i = 0; i < units.size(); ++i)
    for (std::size_t k = 0; k < units[i].statements.size(); ++k)
      all.push_back({i, k, &units[i].statements[k]});
  return all;
}

} // namespace

setback replay_engine::unreachable(const server_error& error, const std::string& doing) {
  constexpr unsigned shutting_down = 1053;
  const auto kind = classify(error);
  const bool answers = kind == error_class::not_now || kind == error_class::withheld;
  return {setback::kind::unreachable, doing + ": " + error.text + " (" + std::to_string(error.number) + ")",
          attach_status::ready, answers && error.number != shutting_down};
}

progress<replay_session*> replay_engine::owners_session() {
  auto session = sessions_.get(owner());
  if (session) return *session;
  if (signal_.stopped()) return setback{setback::kind::stopped, "stopped"};
  return unreachable(session.error(), "connecting as '" + owner() + "'");
}

progress<replay_session*> replay_engine::session_for(const unit& what) {
  const auto* known = sessions_.existing(what.account);
  if (known != nullptr && !known->suits(what.statements.front().context.settings))
    sessions_.drop(what.account);
  if (what.account == owner()) return owners_session();
  auto session = sessions_.get(what.account);
  if (session) return *session;
  if (signal_.stopped()) return setback{setback::kind::stopped, "stopped"};
  if (is_for_its_account(session.error())) return stuck(what, session.error());
  return unreachable(session.error(), "connecting as '" + what.account + "'");
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
  if (what.alone) { // it would not be repeated
    if (auto done = session.wait_longer(); !done) return failed(stage::guard, done.error());
    runs_alone_ = session.identity();
  }
  stop_seen_at_.reset();
  outcome.failed = send_units(session, what, outcome);
  runs_alone_.reset();
  if (outcome.failed) return outcome;
  if (auto moved = session.query(ledger_.move_to(what.last())); !moved)
    return failed(stage::move, moved.error());
  if (auto done = session.query("COMMIT"); !done) return failed(stage::commit, done.error());
  return outcome;
}

// Two flights are in the air, so that the server has work while the answers of one are read. On a table that
// does not roll back nothing may be ahead of an answer.
std::optional<replay_engine::interruption>
replay_engine::send_units(replay_session& session, const batch& what, transaction_outcome& outcome) {
  constexpr std::size_t flights = 2;
  const auto all = statements_of(what.units);
  std::vector<const statement*> texts;
  texts.reserve(all.size());
  for (const auto& one : all) texts.push_back(one.what);
  outcome.answers.resize(what.units.size());
  std::optional<std::size_t> changer; // the unit whose triggers have changed the session
  for (std::size_t sent = 0, answered = 0; answered < all.size();) {
    while (!what.alone && sent < all.size() && session.in_air() < flights) {
      const auto launched = session.launch(std::span(texts).subspan(sent));
      if (launched == 0) break;
      sent += launched;
    }
    std::vector<server_result<query_answer>> answers;
    if (session.in_air() > 0)
      answers = session.land();
    else
      answers.push_back(session.run(*texts[sent++]));
    for (auto& answer : answers) {
      const auto& [unit, place, text] = all[answered++];
      if (changer && unit != *changer && !is_lost(answer)) {
        session.ground();
        return interruption{stage::units, {}, *changer, 0, false, true};
      }
      if (!answer) return interruption{stage::units, answer.error(), unit, place};
      if (answer->changed_session) changer = unit;
      if (!answer->in_transaction) {
        session.ground();
        return interruption{stage::units, {}, unit, place, true};
      }
      if (has_other_id(*text, *answer)) {
        session.ground();
        return interruption{stage::units, other_id(*text, *answer), unit, place};
      }
      outcome.answers[unit].push_back(std::move(answer->summary));
    }
  }
  return std::nullopt;
}

// What the ledger says once no other transaction holds its row; waits for that as long as it takes.
progress<ledger_row> replay_engine::ask_ledger(const unit& of) {
  while (true) {
    auto session = session_for(of); // each time: the steps below may have dropped it
    if (!session) return session.error();
    auto begun = (*session)->begin({});
    auto row = begun ? read_guard(**session) : server_result<std::optional<ledger_row>>(begun.error());
    end_transaction(of.account);
    if (row && *row) return **row;
    if (row) return halted(attach_status::ledger_gone, "the ledger's row is gone");
    if (classify(row.error()) != error_class::transient) return unreachable(row.error(), "asking the ledger");
    sessions_.end_lost();
    if (auto rested = pause(); !rested) return rested.error();
  }
}

// Also after errors that have rolled back already: what matters is that nothing is open when the next one
// begins.
bool replay_engine::end_transaction(const std::string& account) {
  auto* session = sessions_.existing(account);
  if (session == nullptr) return false;
  if (!session->broken())
    if (const auto how = session->rollback()) return *how == undone::wholly;
  sessions_.drop(account);
  return false;
}

} // namespace holdwater::spool
