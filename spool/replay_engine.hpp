// Replay's algorithm: ledger, batches, refusals, doubts. For one thread; stop() from any.
//
// Invariant: position_ is what the ledger said last, and is moved by a commit of ours only after the spool
// knows the units as applied. When the two disagree, the ledger is right.
#pragma once

#include "spool/ledger.hpp"
#include "spool/session_pool.hpp"
#include "spool/stop_signal.hpp"
#include "spool/trigger_texts.hpp"

#include <future>
#include <map>
#include <set>

namespace holdwater::spool {

// Why a step did not do its work.
struct setback {
  enum class kind : std::uint8_t {
    again,       // what we knew changed, or the server said so: look anew
    unreachable, // no connection, or "not now"
    stuck,       // the server refuses one unit until somebody has seen to that
    halted,      // a person decides; `status` says what
    stopped,
    spool_failed,
  };
  kind what = kind::again;
  std::string reason;
  attach_status status = attach_status::ready; // of halted alone
  bool server_answers = false;                 // of unreachable: "not now", of a server that is there
};
template <class T>
using progress = boost::system::result<T, setback>;
[[noreturn]] void throw_exception_from_error(const setback& error, const boost::source_location& where);

class replay_engine {
 public:
  replay_engine(spool& queue, replay_options options, replay_observer& observer, connector connect);

  [[nodiscard]] replayer::attach_report attach();
  [[nodiscard]] accounts_with_reasons look_again(const accounts_with_reasons& known);
  [[nodiscard]] replay_report drain(replayer::how_far until);
  void stop() { signal_.stop(); }
  void restart() { signal_.restart(); }

 private:
  // Units that go in one transaction.
  struct batch {
    std::vector<unit> units;
    bool reapplied = false; // the spool has them as applied already
    bool alone = false;     // of one unit, on a table that does not roll back
    [[nodiscard]] seq first() const { return units.front().number; }
    [[nodiscard]] seq last() const { return units.back().number; }
    [[nodiscard]] const std::string& account() const { return units.front().account; }
  };
  // Pending units behind the batch that is being applied: read with it, or on their way from the file.
  struct reading_ahead {
    seq after = 0; // of no use when this is not where the ledger stands
    std::vector<unit> units;
    std::future<result<std::vector<unit>>> coming;
  };
  enum class stage : std::uint8_t { guard, units, move, commit };
  // Where a transaction failed, and what the server said.
  struct interruption {
    stage where = stage::guard;
    server_error error;
    std::size_t unit_index = 0;
    std::size_t statement_index = 0;
    bool transaction_ended = false; // by a statement that commits by itself
    bool session_changed = false;   // by the unit's triggers, and units of others were behind it
    bool signalled = false;         // a trigger has chosen the error's number
  };
  struct transaction_outcome {
    std::optional<interruption> failed;
    std::optional<ledger_row> differs; // the guard found another row than expected; nothing was sent
    bool row_gone = false;             // or none at all
    std::vector<std::vector<statement_answer>> answers;
  };

  // attach (replay_attach.cpp)
  [[nodiscard]] progress<void> attach_once();
  [[nodiscard]] progress<void> need_table(replay_session& session);
  [[nodiscard]] progress<bool> has_table(replay_session& session);
  [[nodiscard]] progress<ledger_row> take_ownership(replay_session& session);
  [[nodiscard]] progress<std::optional<ledger_row>> find_row(replay_session& session);
  [[nodiscard]] progress<std::uint64_t> next_epoch(const std::optional<ledger_row>& row);
  [[nodiscard]] progress<std::uint64_t> number_fact(const char* key);
  [[nodiscard]] progress<void> set_fact(const char* key, std::uint64_t value);
  [[nodiscard]] setback attach_setback(const server_error& error);

  // the loop (replay_engine.cpp)
  using how_far = replayer::how_far;
  [[nodiscard]] progress<void> run(bool only_reapply, how_far until = how_far::to_the_end);
  [[nodiscard]] progress<batch> next_batch(bool only_reapply);
  [[nodiscard]] progress<std::vector<unit>> read_next(bool only_reapply, bool& reapplied);
  [[nodiscard]] result<std::vector<unit>> read_pending();
  void read_ahead(const batch& of);
  [[nodiscard]] progress<void> trim(batch& of);
  [[nodiscard]] progress<void> apply(batch& what);
  [[nodiscard]] progress<void> settle_applied(const batch& what, const transaction_outcome& outcome);
  [[nodiscard]] accounts_with_reasons accounts_without_ledger();
  [[nodiscard]] std::string why_without_ledger(const std::string& account, const server_error& why) const;
  [[nodiscard]] std::optional<server_error> try_ledger(const std::string& account);
  [[nodiscard]] progress<void> adopt(const ledger_row& row);
  [[nodiscard]] progress<void> check_range(const ledger_row& row) const;
  [[nodiscard]] progress<void> settle_up_to(seq applied);
  [[nodiscard]] progress<void> prepare_alone(const batch& what);
  [[nodiscard]] progress<void> pause();
  [[nodiscard]] bool goes_on_waiting(std::chrono::milliseconds waited);
  [[nodiscard]] bool end_what_runs_alone(std::chrono::milliseconds waited);

  // its tables (replay_tables.cpp)
  using seen_table = std::pair<std::string, table_name>; // an account sees what another one does not
  struct leading_words {
    lasting_words lasting;  // to tables without transactions
    lasting_words counting; // to those that count them
  };
  [[nodiscard]] bool ends_batch(const unit& what) const;
  [[nodiscard]] progress<bool> is_transactional(const unit& what);
  [[nodiscard]] progress<bool> is_transactional(const unit& of, const table_name& name);
  [[nodiscard]] progress<bool> is_of_transactional(const unit& of, const table_name& view,
                                                   const std::optional<std::string>& text);
  [[nodiscard]] setback not_known(const seen_table& table, const setback& why);
  [[nodiscard]] progress<const leading_words*> look_up_words(const unit& of);
  [[nodiscard]] progress<bool> may_be_signalled(const unit& of);
  [[nodiscard]] progress<std::vector<result_row>> look_up(const unit& of, const std::string& text);
  [[nodiscard]] progress<std::vector<result_row>> look_up(replay_session& session, const unit& of,
                                                          const std::string& text);

  // one transaction (replay_transaction.cpp)
  [[nodiscard]] transaction_outcome transact(replay_session& session, const batch& what);
  [[nodiscard]] std::optional<interruption> send_units(replay_session& session, const batch& what,
                                                       transaction_outcome& outcome);
  [[nodiscard]] server_result<std::optional<ledger_row>> read_guard(replay_session& session);
  [[nodiscard]] progress<ledger_row> ask_ledger(const unit& of);
  [[nodiscard]] progress<replay_session*> owners_session();
  [[nodiscard]] progress<replay_session*> session_for(const unit& what);
  [[nodiscard]] static setback unreachable(const server_error& error, const std::string& doing);

  // what went wrong (replay_failure.cpp)
  [[nodiscard]] progress<void> handle(const batch& what, interruption failed);
  [[nodiscard]] static error_class kind_of(const interruption& failed);
  [[nodiscard]] bool is_ended_by_stop(const interruption& failed) const;
  [[nodiscard]] progress<void> part_from_changer(const batch& what, const interruption& failed);
  [[nodiscard]] progress<void> handle_loss(const batch& what, const interruption& failed);
  [[nodiscard]] progress<void> handle_unreadable(const batch& what, const interruption& failed);
  [[nodiscard]] progress<void> handle_guard(const batch& what, const interruption& failed);
  [[nodiscard]] progress<void> handle_alone(const batch& what, const interruption& failed);
  [[nodiscard]] progress<void> note_not_done(seq number);
  [[nodiscard]] progress<void> handle_refusal(const batch& what, const interruption& failed);
  [[nodiscard]] progress<void> leave_culprit_alone(const batch& what, const interruption& failed);
  [[nodiscard]] setback cannot_use_ledger(const unit& what, const server_error& why);
  [[nodiscard]] setback stuck(const unit& what, const server_error& why);
  [[nodiscard]] progress<void> handle_ended_transaction(const batch& what, const interruption& failed);
  [[nodiscard]] progress<void> decide_doubt(const batch& what);
  [[nodiscard]] progress<void> refuse(const unit& what, const server_error& why);
  [[nodiscard]] progress<void> pass(const unit& what);
  [[nodiscard]] progress<void> move_past(replay_session& session, seq number);
  bool end_transaction(const std::string& account); // whether nothing is left of it
  [[nodiscard]] const std::string& owner() const { return options_.accounts.front().user; }
  [[nodiscard]] static setback spool_failed(const failure& why) {
    return {setback::kind::spool_failed, why.context, attach_status::ready};
  }
  [[nodiscard]] static setback halted(attach_status status, std::string reason) {
    return {setback::kind::halted, std::move(reason), status};
  }

  spool& queue_;
  replay_options options_;
  replay_observer& observer_;
  stop_signal signal_;
  connector connect_;
  session_pool sessions_;
  ledger ledger_;
  seq position_ = 0;
  reading_ahead ahead_;
  std::uint64_t epoch_ = 0;
  seq one_by_one_until_ = 0;                 // after a collision with others: the units up to here go alone
  seq refused_ = 0;                          // in a batch: it goes alone, those before it go without it
  seq not_sent_ = 0;                         // a unit whose attempt is known to have done nothing
  std::uint64_t applied_again_ = 0;          // units, since attach() has told it last
  std::optional<seq> rewound_to_;            // where the ledger stood when it was last found behind the spool
  unsigned losses_ = 0;                      // connections lost since the last success
  std::map<seen_table, bool> transactional_; // of this drain
  std::map<std::string, leading_words> words_; // of this drain, as each account sees them
  std::set<table_name> last_of_batch_;      // nothing goes behind them: their triggers set variables, or they
                                            // note the transaction of each row
  std::chrono::milliseconds next_probe_{0}; // of the server, while an answer is awaited
  std::optional<connection_identity> runs_alone_;         // a unit is on its way there that is not repeated
  std::optional<std::chrono::milliseconds> stop_seen_at_; // how long it had run when a stop ended it
  std::optional<std::chrono::steady_clock::time_point> compacted_at_;
};

} // namespace holdwater::spool
