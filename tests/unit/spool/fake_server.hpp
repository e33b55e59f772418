// A server in memory for replay's tests: the ledger's table, transactions, the row's lock, and trouble at a
// chosen step.
//
// Invariant: a statement of a unit is in history() once for each time that it took effect for good.
#pragma once

#include "spool/mysql_connection.hpp"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace holdwater::spool::test {

enum class trouble_kind {
  lost_before,  // the connection is lost, the server never saw the statement
  lost_after,   // the server did it, the answer was lost, the transaction is rolled back
  lost_stuck,   // the server did it, the answer was lost, the transaction stays open until it is killed
  lost_thawing, // the server does it some statements later: it was frozen
  deadlock,     // 1213, the transaction is rolled back
  lock_wait,    // 1205, the statement is not done
  read_only,    // 1290
  shutdown,     // 1053, and the connection ends
};

class fake_server {
 public:
  struct ledger_values {
    std::uint64_t applied = 0;
    std::uint64_t epoch = 0;
    friend bool operator==(const ledger_values&, const ledger_values&) = default;
  };
  // What can go wrong, when the nth statement (from 1) of all comes.
  struct plan {
    std::uint64_t step = 0;
    trouble_kind kind = trouble_kind::lost_before;
  };

  [[nodiscard]] server_result<std::unique_ptr<mysql_connection>> connect(const credentials& who);
  void plan_trouble(plan what) { plans_.push_back(what); }
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  [[nodiscard]] const std::vector<std::string>& history() const { return history_; }

  [[nodiscard]] const std::vector<std::string>& texts() const { return texts_; } // all that came

  // Whose connections each text was written over, refused or not.
  [[nodiscard]] const std::map<std::string, std::set<std::string>>& authors() const { return authors_; }

  // What the tests set up and look at.
  bool table_exists = false;
  bool may_create = true;
  std::string ledger_engine = "InnoDB";
  std::optional<ledger_values> ledger;
  std::set<std::string> refused;               // texts answered with 1062
  std::set<std::string> non_transactional;     // tables
  std::map<std::string, std::string> triggers; // of tables: its text
  std::map<std::string, std::string> views;    // likewise
  std::set<std::string> unseen;                // tables of which nobody is told
  std::set<std::string> blind;                 // users who see no triggers
  std::set<std::string> accounts_off_ledger;   // users without rights on it
  std::map<std::string, unsigned> shut_out;    // users whose login is refused, and with what
  std::set<std::string> no_room_for;           // texts answered with 1114
  unsigned no_room_error = 1114;
  std::string no_room_text = "The table 't' is full";
  bool chooses_numbers = false;         // a trigger does
  std::set<std::string> no_writes_for;  // ... with 1290
  std::set<std::string> change_session; // texts whose triggers set a variable: the next ones find it
  std::string refused_setting;          // no SET that names it is taken
  bool tells_changes = true;            // session_track_state_change is known
  std::set<std::string> other_id;       // texts whose trigger takes the insert id for a row of its own
  bool secure_timestamp = false;        // who writes may not say when
  bool ledger_is_full = false;          // as the disk is: 1021 for what moves it
  std::uint64_t logins_refused = 0;
  bool reachable = true;
  bool read_only = false;
  std::uint64_t slow_commit =
      0; // this COMMIT (from 1) loses its answer, and is done statements later, killed or not
  [[nodiscard]] std::uint64_t commits() const { return commits_; }
  void rewind(std::uint64_t applied, std::size_t history_size); // as a lagging replica would be
  void forget_steps() { steps_ = 0; }

 private:
  friend class fake_connection;
  struct session {
    std::string user;
    bool open = true;  // the client may use it
    bool alive = true; // the server has it
    bool autocommit = true;
    bool in_transaction = false;
    bool locks_row = false;
    bool committing = false;       // out of KILL's reach
    std::string changed_by;        // of change_session
    std::uint64_t insert_id = 0;   // that the next row takes
    std::vector<std::string> done; // in the transaction
    std::optional<std::uint64_t> new_applied;
    std::optional<std::uint64_t> new_epoch;
    bool inserts_row = false;
  };
  struct thawing {
    std::uint64_t id;
    std::string text;
    std::uint64_t at_step;
  };

  [[nodiscard]] server_result<query_answer> query(std::uint64_t id, const std::string& text);
  [[nodiscard]] server_result<query_answer> execute(std::uint64_t id, const std::string& text);
  [[nodiscard]] server_result<query_answer> make_trouble(trouble_kind kind, std::uint64_t id,
                                                         const std::string& text);
  [[nodiscard]] server_result<query_answer> ledger_statement(session& s, const std::string& text);
  [[nodiscard]] server_result<query_answer> write(session& s, const std::string& text);
  [[nodiscard]] query_answer table_and_triggers(const std::string& table, const std::string& user) const;
  [[nodiscard]] query_answer names_and_texts(const std::string& text) const;
  [[nodiscard]] query_answer process_list() const;
  [[nodiscard]] bool row_locked_by_other(const session& s) const;
  void commit(session& s);
  static void roll_back(session& s);
  void end(session& s);
  void thaw();

  std::map<std::uint64_t, session> sessions_;
  std::vector<plan> plans_;
  std::vector<thawing> thawing_;
  std::vector<std::string> history_;
  std::vector<std::string> texts_;
  std::map<std::string, std::set<std::string>> authors_;
  std::uint64_t steps_ = 0;
  std::uint64_t commits_ = 0;
};

} // namespace holdwater::spool::test
