// What the proxy remembers of a session so that it can give the session a new server connection, answer for
// it while the server is away, and say in which context a write was meant. No I/O.
//
// Invariant: everything that restore_statements() gives sets a value that the server accepted before (or that
// was accepted in an outage and is a plain literal); what cannot be told that way makes the session
// unrestorable.
#pragma once

#include "protocol/capabilities.hpp"
#include "protocol/handshake.hpp"
#include "protocol/session_changes.hpp"
#include "protocol/sql/analysis.hpp"
#include "proxy/server/server_profile.hpp"
#include "proxy/session/collected_transaction.hpp"
#include "proxy/session/prepared_statements.hpp"
#include "spool/unit.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdwater::proxy {

class key_writer;

// What an error has perhaps done to the open transaction, since servers tell no status with it.
enum class transaction_doubt : std::uint8_t { none, rolled_back, committed };

class session_state {
 public:
  // A fresh login (also after COM_CHANGE_USER and COM_RESET_CONNECTION).
  void begin(const protocol::handshake_response& login, std::shared_ptr<const server_profile> profile);

  // --- default_values.cpp: what it has of the server's globals
  using moment = default_changes::moment;
  // They are those that its connection took at that time, or a little later.
  void took_defaults(moment at) {
    defaults_seen_ = 0;
    taken_from_ = at;
    taken_until_ = moment::max();
  }
  // Before each command. Those of which it is not certain any more what they are, are put into `to_ask`,
  // which is null where nobody may ask.
  void follow_defaults(const default_changes& changes, std::vector<std::string>* to_ask) {
    if (changes.version() != defaults_seen_) [[unlikely]]
      look_at_defaults(changes, to_ask);
  }
  // The connection is lost: what is in doubt now cannot be asked any more.
  void lose_defaults(const default_changes& changes);
  // The SET that gives a connection, which has taken the defaults of `now`, those of the session's own login;
  // empty where they are the same. `certain`: they are known.
  [[nodiscard]] std::string keep_defaults(const server_profile& now, bool certain) const;

  // --- as the server last said, or as was answered locally
  std::uint16_t status = 0; // server_status flags, without those that are news of one answer
  void said_status(std::uint16_t said) {
    constexpr auto news =
        protocol::server_status::session_state_changed | protocol::server_status::db_dropped;
    status = static_cast<std::uint16_t>(said & ~news);
    doubt = transaction_doubt::none;
  }
  // An error tells no status: `said` is that of the statements before it in the same text, 0: there were
  // none. `commits`: it is COMMIT's; `may_commit`: of a statement that may have committed before it failed.
  void failed_with(unsigned error, std::uint16_t said, bool commits = false, bool may_commit = false);
  transaction_doubt doubt = transaction_doubt::none; // of the open transaction, or the one that was lost
  [[nodiscard]] bool in_transaction() const;
  [[nodiscard]] bool autocommit() const;
  void set_autocommit(bool on);
  // SET autocommit = 1 where it was 0: it commits.
  [[nodiscard]] bool turns_autocommit_on(const protocol::sql::statement& set) const;
  std::optional<bool> more_statements; // COM_SET_OPTION: several statements in one text are allowed, or not

  // --- transactions
  collected_transaction collected; // what waits here for its COMMIT
  // What LAST_INSERT_ID() would say, when that is an id that was given out here.
  std::optional<std::uint64_t> known_last_insert_id;
  bool last_insert_id_untold = false; // unless that is known: it has changed, and the answer did not tell
  [[nodiscard]] bool read_only() const { return next_read_only_.value_or(read_only_); } // the next one is
  // What is read now would be locked: in a SERIALIZABLE transaction, in which autocommit = 0 puts each read.
  [[nodiscard]] bool locks_reads() const {
    const auto& isolation = collected.open() ? collected.mode().isolation : context_.isolation;
    return (collected.open() || !autocommit()) && isolation == "SERIALIZABLE";
  }
  // A SELECT was answered without the server: with autocommit = 0 it begins a transaction, which could not go
  // on at the server from here. `collects`: there is a queue for what it writes.
  void read_here(bool collects) {
    if (!autocommit() && !collected.open() && collects) collected.begin(take_transaction_mode());
    if (collected.open()) collected.end_reading();
  }
  // SET TRANSACTION, SET @@transaction_isolation: what holds for the next one alone.
  [[nodiscard]] bool next_transaction() const { return next_read_only_ || !next_isolation_.empty(); }
  void forget_next_transaction();
  [[nodiscard]] std::string next_transaction_statement() const;
  [[nodiscard]] transaction_mode take_transaction_mode(); // of one that begins now
  [[nodiscard]] static bool sets_next_transaction(const protocol::sql::statement& set);

  // --- the context that a write of this session is meant in
  [[nodiscard]] const spool::statement_context& context() const { return context_; }
  [[nodiscard]] const std::string& database() const { return context_.database; }
  void use_database(std::string_view name) { context_.database = name; }
  // Why the context is not known (an expression was assigned and its value not learned yet), empty when it
  // is.
  [[nodiscard]] std::string context_gap() const {
    return gaps_.empty() ? std::string() : gaps_.front().second;
  }
  // The setting of this session that a write may depend on and a unit does not carry; empty when there is
  // none.
  [[nodiscard]] std::string setting_left_behind() const;
  [[nodiscard]] const protocol::sql::dialect& dialect() const { return dialect_; }
  // What stands for a user variable's kept value in the place of a ?, as weak in comparisons as a bound
  // value; nothing: not in the present character sets.
  [[nodiscard]] std::optional<std::string> as_bound_now(const std::string& kept) const;

  // --- SET
  // Every assignment is of a plain literal to a session or user variable: made again, it does the same.
  [[nodiscard]] bool assigns_literals(const protocol::sql::statement& set) const;
  // True when every assignment can be carried out without the server: literals that it would take, and what
  // can be computed here.
  [[nodiscard]] bool can_assign_locally(const protocol::sql::statement& set) const;
  // Instead of the server. Precondition: can_assign_locally().
  void assign_here(const protocol::sql::statement& set);
  // After the server accepted the statement. Returns the session variables whose new value
  // only the server knows: ask it, then tell learn().
  std::vector<std::string> assign(const protocol::sql::statement& set);
  [[nodiscard]] std::string name_at_server(const std::string& variable) const;
  void learn(std::string_view variable, const std::optional<std::string>& value);
  // told_changes.cpp: the server's word on the database and the variables of the context, whatever changed
  // them; it stands over what was read off the client's statements. `by_set`: the statement was a SET.
  // Variables whose value only the server knows are put into `to_ask`, those that it has told are taken out.
  void follow(const protocol::session_change& told, bool by_set, std::vector<std::string>& to_ask);
  void changed_untold(std::vector<std::string>& to_ask); // an EOF says that something has changed

  // What this session has made of a system variable, lower-case name. Nothing: it never touched it, so it is
  // as in a fresh session. An unknown value: the session set it to what only the server knows.
  struct variable_value {
    bool known = false;
    std::optional<std::string> value; // as SELECT @@x gives it, nothing: NULL
  };
  [[nodiscard]] std::optional<variable_value> system_variable(std::string_view name) const;

  // The text that restores a system variable, empty when its value is not known; nothing: it was never set.
  [[nodiscard]] std::optional<std::string> setting(std::string_view name) const;

  // The collation in which a result's text is announced: its name.
  [[nodiscard]] const std::string& results_collation() const { return results_collation_; }

  // The SQL text of a user variable's value; null when it is not known. `name` as written, without the @.
  [[nodiscard]] const std::string* user_variable(std::string_view name) const;

  // What a write needs of them: those that it reads, and all others too, since a trigger may read them.
  // Nothing: they are too large for that.
  [[nodiscard]] std::optional<std::vector<spool::user_variable>>
  variables_for(const protocol::sql::statement& write) const;

  // --- for the read cache
  // What the answer to a read depends on besides its text, account and database. False: it is not all known.
  [[nodiscard]] bool append_reading_context(key_writer& key) const;
  // No setting was made by which a row that is read by its key, column by column, would be another.
  // Precondition: append_reading_context() is true.
  [[nodiscard]] bool reads_plainly() const;
  // The SET statements that bring a fresh connection to that.
  [[nodiscard]] std::vector<std::string> reading_settings() const;
  // A statement prepared in it means the same now, the default database aside.
  [[nodiscard]] bool reads_as(const prepare_context& then) const;
  // Another number whenever that may be something else; never one again.
  [[nodiscard]] std::uint64_t reading_version() const { return reading_version_; }
  void call_unknown() { ++reading_version_, called_unknown_ = true; }
  [[nodiscard]] bool called_unknown() const { return called_unknown_; }

  // --- what cannot be restored on another server connection
  void make_unrestorable(std::string_view why);
  [[nodiscard]] const std::string& unrestorable() const { return unrestorable_; } // empty: it can be
  prepared_statements statements;
  [[nodiscard]] prepare_context preparing() const; // what a statement prepared now means
  [[nodiscard]] bool restorable() const;

  // The SET statements that turn a fresh connection (logged in with database() and the login's collation)
  // into this session's, autocommit aside.
  [[nodiscard]] std::vector<std::string> restore_statements() const;

 private:
  // Where settings_ has SET NAMES, and SET CHARACTER SET. Variables are in lower case there, so that none is
  // taken for it.
  static constexpr const char* names_key = "NAMES";
  // What restores a variable that was set to it: its value may need rights that this word does not, or move
  // on.
  static constexpr const char* default_word = "DEFAULT";
  [[nodiscard]] std::string statement_of(const std::pair<std::string, std::string>& setting) const;
  // SET NAMES of a character set and a collation that belong together and are known.
  [[nodiscard]] bool knows_names(const protocol::sql::assignment& one) const;
  [[nodiscard]] bool is_literal(const protocol::sql::assignment& one) const;
  // The value of an expression, where it is known without the server.
  [[nodiscard]] std::optional<std::string> computed(const protocol::sql::assignment& one) const;
  // A literal that the server would take.
  [[nodiscard]] bool is_acceptable_here(const protocol::sql::assignment& one) const;
  void assign_one(const protocol::sql::assignment& one, std::vector<std::string>& unknown);
  void assign_next_transaction(const protocol::sql::assignment& one); // next_transaction.cpp
  void assign_user_variables(const protocol::sql::statement& set);
  [[nodiscard]] std::optional<std::string> lasting_value(const protocol::sql::assignment& one) const;
  [[nodiscard]] std::optional<std::string> as_read_now(std::string_view text) const;
  void assign_names(std::string_view character_set, std::string_view collation);
  void reset_names(std::vector<std::string>& unknown);
  void reset_character_set(std::vector<std::string>& unknown);
  void use_character_set(const std::string& client);
  void set_variable(const std::string& variable, const std::string& value, const std::string& text);
  void set_what_has_its_own_way(const std::string& variable, const std::string& value);
  void carry(const std::string& variable, const std::string& value);
  void remember(const std::string& key, std::string text);
  void must_ask(const std::string& name, std::vector<std::string>& to_ask);
  void limit_what_is_kept();
  void open_gap(const std::string& variable, std::string why);
  void close_gap(std::string_view variable);
  void reset_context();
  void look_at_defaults(const default_changes& changes, std::vector<std::string>* to_ask);

  protocol::handshake_response login_;
  std::shared_ptr<const server_profile> profile_;
  spool::statement_context context_;
  std::string results_collation_;
  protocol::sql::dialect dialect_;
  bool read_only_ = false; // transaction_read_only
  std::optional<bool> next_read_only_;
  std::string next_isolation_;
  std::vector<std::pair<std::string, std::string>> gaps_; // variable, why the context is not known
  std::string unrestorable_;
  bool called_unknown_ = false; // something was called that may hide a table behind a temporary one
  std::uint64_t reading_version_ = 0;
  std::uint64_t defaults_seen_ = 0; // default_changes::version(), 0: not looked at
  moment taken_from_{}, taken_until_{};
  std::vector<std::pair<std::string, std::string>> user_variables_; // lower-case name, SQL text of the value
  std::vector<std::pair<std::string, std::string>>
      settings_; // variable, assignment text; in the order of first use
};

// The bytes in a literal as user_variable() gives it: `_utf8mb4 0x6162 COLLATE ...`; empty for anything else.
[[nodiscard]] std::string text_of(const std::string& literal);

} // namespace holdwater::proxy
