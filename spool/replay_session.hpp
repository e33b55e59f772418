// One account's connection for replay: it knows which session state the last unit left on it.
//
// Invariant: a statement is sent only after every SET that it needs was answered; when one of them fails,
// what the connection has is taken as unknown.
#pragma once

#include "spool/replayer.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace holdwater::spool {

// What tells a connection from every other one, over restarts of the server too, where ids begin anew: the
// host is the client's address and port as the server sees them.
struct connection_identity {
  std::uint64_t id = 0;
  std::string user;
  std::string host;
};

enum class presence : std::uint8_t { gone, maybe_there };

enum class undone : std::uint8_t { wholly, in_part };

class replay_session {
 public:
  [[nodiscard]] static server_result<std::unique_ptr<replay_session>>
  open(const connector& connect, const credentials& account, const patience& how_long);

  [[nodiscard]] server_result<query_answer> query(std::string_view text);
  [[nodiscard]] server_result<void> begin(const std::string& isolation);
  // For rows that others lock, as a client would, until the next begin().
  [[nodiscard]] server_result<void> wait_longer();
  // The servers say where a table could not be rolled back.
  [[nodiscard]] server_result<undone> rollback();
  [[nodiscard]] server_result<query_answer> run(const statement& what);

  // Statements sent many at a time, without awaiting the answers in between. The server runs all of them,
  // also those behind one that failed: what they do must be undone by the rollback of the transaction that is
  // open. Sends as many of them, from the first, as go together; how many. 0: run() that one, when nothing is
  // in the air.
  [[nodiscard]] std::size_t launch(std::span<const statement* const> all);
  [[nodiscard]] std::size_t in_air() const { return in_air_.size(); } // launched, and not landed
  // The answers of the first that is in the air, up to a failure; after one nothing is in the air any more.
  [[nodiscard]] std::vector<server_result<query_answer>> land();
  // Gives up what is in the air: its answers are read, and forgotten.
  void ground();

  // Ends that connection when it is still there and provably the same one.
  [[nodiscard]] server_result<presence> end(const connection_identity& other);
  [[nodiscard]] server_result<presence> end_statement_of(const connection_identity& other); // likewise

  [[nodiscard]] const connection_identity& identity() const { return identity_; }
  [[nodiscard]] bool broken() const { return broken_; } // the connection was lost
  // An insert id that no row took is still set, and this server forgets it only with the connection.
  [[nodiscard]] bool spoiled() const { return unused_insert_id_ && !is_mariadb_; }
  // Variables of the session are set, by a statement's triggers, in a character set that is not known any
  // more or by a unit that has changed its settings, which other clients' units must not find.
  [[nodiscard]] bool changed() const { return changed_; }
  // A unit with these settings may run here: MySQL works out what a table's triggers and generated columns
  // make of them only once, so that no connection is given other ones.
  [[nodiscard]] bool suits(const std::vector<session_setting>& settings) const {
    return untouched_ || settings_ == settings;
  }

 private:
  explicit replay_session(std::unique_ptr<mysql_connection> connection)
      : connection_(std::move(connection)) {}
  [[nodiscard]] server_result<void> set_up(const std::string& user);
  [[nodiscard]] server_result<std::optional<connection_identity>> find(std::uint64_t id);
  [[nodiscard]] server_result<presence> kill(const char* what, const connection_identity& other);
  // Statements on their way together, each with what sets its context before it.
  struct flight {
    std::vector<outgoing> steps;
    std::vector<std::size_t> ends; // of each statement: the index behind its own step
    std::size_t bytes = 0;
    bool changes_context = false; // so that what is prepared means something else
    bool executes = false;        // what is prepared
    const statement* last = nullptr;
  };
  struct set_variable {
    std::string literal;       // empty: not known
    std::string character_set; // in which its name was sent
  };
  [[nodiscard]] bool board(flight& to, const statement& what);
  [[nodiscard]] std::optional<server_error> refused_here(const statement& what) const;
  [[nodiscard]] std::vector<std::string> context_texts(const statement& wanted) const;
  void note_context(const statement& taken);
  void forget_context();
  [[nodiscard]] std::vector<std::string> names_to_leave(const statement& wanted) const;
  [[nodiscard]] std::vector<user_variable> differing_variables(const statement& wanted) const;
  [[nodiscard]] server_result<void> take_context(const statement& wanted);
  [[nodiscard]] server_result<void> note_unused_insert_id(const statement& what, const query_answer& answer);
  [[nodiscard]] server_result<query_answer> execute(const statement& what);
  [[nodiscard]] server_result<void> send(const std::string& text);

  std::unique_ptr<mysql_connection> connection_;
  connection_identity identity_;
  std::uint64_t max_packet_ = 0;                  // bytes of a statement that the server takes
  std::optional<statement_context> context_;      // what the connection has; nothing: not known
  std::vector<session_setting> settings_;         // of the last statement, whatever became of it
  bool untouched_ = true;                         // no unit's context was taken here
  std::map<std::string, set_variable> variables_; // user variables that units have set here
  std::string isolation_;
  bool waits_longer_ = false;
  bool broken_ = false;
  bool is_mariadb_ = false;
  bool unused_insert_id_ = false;
  bool changed_ = false;
  std::deque<flight> in_air_;
  bool open_insert_id_ = false; // the last in the air has set one, and whether a row took it is not known yet
};

} // namespace holdwater::spool
