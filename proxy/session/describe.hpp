// What a command is, as far as the decision about it needs to know. No I/O.
#pragma once

#include "protocol/command.hpp"
#include "protocol/sql/analysis.hpp"
#include "proxy/own_writes/written_tables.hpp"
#include "proxy/session/session_state.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace holdwater::proxy {

struct command_facts {
  protocol::command code = protocol::command::sleep;
  bool understood = true; // false: the text was cut or the packet cannot be read
  protocol::sql::kind kind = protocol::sql::kind::unknown; // of COM_QUERY's only statement
  bool single = true;                                      // one statement
  bool write = false;          // a single INSERT, REPLACE, UPDATE or DELETE, also as the execution of one
  bool several_writes = false; // more than one of them, and nothing else
  bool prepares_write = false; // ... which is prepared now
  bool prepares_plain = false; // transaction control or SET of plain literals is prepared now
  bool feeds_write = false;    // long data of one
  bool pure_read = false;      // its repetition is not noticed
  bool only_reads = false;     // changes nothing that others could see
  bool reads_tables = false;   // ... and names some, as far as is known
  bool lasting = false;        // a read whose answer may be kept for an outage
  bool calls_unknown = false;  // calls what may leave behind what nobody sees: a temporary table over another
  bool asks_back = false;      // asks what only the connection of the statement before knows: ROW_COUNT()
  bool looks_back = false;     // perhaps asks it among other things: nothing may be sent in between
  bool repeatable = false; // may be sent again when its answer was lost: pure reads, pings, plain settings
  bool shows_diagnostics = false;     // SHOW WARNINGS, SHOW ERRORS, SHOW COUNT(*) of them
  bool kills = false;                 // a KILL is in it
  bool finds_rows = false;            // a pure SELECT that does not ask about the statement before
  bool changes_logins = false;        // the next login may go another way, or give something else
  bool assigns_locally = false;       // SET of plain literals
  bool turns_autocommit_on = false;   // ... of which one is autocommit, which was off: it commits
  bool sets_next_transaction = false; // ... SET TRANSACTION
  bool may_write = false;             // a SET or SHOW that is more than that
  bool stays_in_transaction =
      false;                    // in an open transaction it cannot commit it: rolled back with the connection
  bool keeps_last_id = false;   // LAST_INSERT_ID() says afterwards what it said before
  bool changes_nothing = false; // of the session: nothing to remember after it
  written_tables written;       // as far as it is not one of a prepared statement
  bool untraceable = false; // too large to be read whole, and not plainly a write: what it leaves is unknown
};

// `text` is COM_QUERY's statement text, whole or (when `whole` is false) its beginning. Fills `found` with
// the analysis.
// `alone`: the client cannot have sent several statements (CLIENT_MULTI_STATEMENTS is not negotiated).
[[nodiscard]] command_facts describe_query(std::string_view text, bool whole, bool alone,
                                           const session_state& state, protocol::sql::analysis& found);
[[nodiscard]] command_facts describe_command(protocol::command code);

// COMMIT by whatever name: BEGIN, a definition, SET autocommit = 1, several statements of which one is one of
// these.
[[nodiscard]] bool may_commit(const command_facts& facts);

// BEGIN, COMMIT and the like, which bring no write of their own.
[[nodiscard]] bool controls_transaction(protocol::sql::kind kind);

// Of a text that is prepared. Fills `found` with its analysis.
[[nodiscard]] prepared_facts describe_prepared(std::string_view text, const session_state& state,
                                               protocol::sql::analysis& found);

// What a write relies on besides its text.
struct write_surroundings {
  std::string database; // the default one
  std::string_view character_set_client;
  bool knows_last_insert_id = false;
  bool bound = false;                                   // values are bound to its placeholders
  std::function<bool(std::string_view)> knows_variable; // a user variable; its name as written, without the @
};
// What in a write forbids to run it later, empty when nothing does.
[[nodiscard]] std::string why_not_spoolable(const protocol::sql::statement& one,
                                            const write_surroundings& around);
[[nodiscard]] std::string why_not_spoolable(const protocol::sql::statement& one, const session_state& state,
                                            const std::string& database, bool bound = false);

// Why executing the statement makes the session impossible to restore, empty when it does not.
// The same of a statement that failed with that error, but may have done a part of it before.
[[nodiscard]] std::string_view failure_leaves_behind(const protocol::sql::statement& one, unsigned error);
[[nodiscard]] std::string_view leaves_behind(const protocol::sql::statement& one);

// Whether the command or statement may leave something on the server connection that neither
// COM_RESET_CONNECTION nor COM_CHANGE_USER undoes, so that it must serve no other client.
[[nodiscard]] bool outlives_reset(protocol::command code);
[[nodiscard]] bool outlives_reset(const protocol::sql::statement& one);
// What may turn the profiling of statements on.
[[nodiscard]] bool may_profile(const protocol::sql::statement& one);
// What may change how the next login goes, or what it gives.
[[nodiscard]] bool changes_logins(const protocol::sql::statement& one);

// The tables that it touches, with the default database filled in.
[[nodiscard]] std::vector<spool::table_name> tables_of(const protocol::sql::statement& one,
                                                       std::string_view database, bool written_only);

} // namespace holdwater::proxy
