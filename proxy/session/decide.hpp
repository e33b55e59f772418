// The one decision of the product: what to do with a command, given what it is, what the session is in, and
// what the server is. Pure; decide_test.cpp is its table.
#pragma once

#include "proxy/server/state.hpp"
#include "proxy/session/describe.hpp"
#include "proxy/session/errors.hpp"

#include <string_view>

namespace holdwater::proxy {

enum class action : std::uint8_t {
  forward,          // to the server, and its answer back
  hold,             // wait for the server's state to change, then decide again
  wait_for_drain,   // wait until what the command depends on is applied, then decide again
  spool,            // a write in an outage: durable in the queue, then OK
  spool_several,    // several of them in one text
  begin_collected,  // a transaction in an outage: its writes are collected ...
  collect,          // ... this one, too; with autocommit = 0 it may be the first
  commit_collected, // ... and go to the queue as one unit, then OK
  rollback_collected,
  savepoint_collected, // SAVEPOINT, ROLLBACK TO, RELEASE SAVEPOINT in it
  fail_transaction,    // its COMMIT cannot be: an error, and it is rolled back
  put_on_server,       // the server is up: it goes on there, and the command is decided anew
  open_snapshot,       // reads go on: the transaction gets one at the server, and the command is decided anew
  prepare_locally,     // a write, or a read with an answer here, is prepared; its text is remembered
  deallocate_locally,  // DEALLOCATE PREPARE
  reset_statement,     // COM_STMT_RESET
  keep_long_data,      // COM_STMT_SEND_LONG_DATA, for an execute in the outage
  answer_read,         // a read that the session can answer itself
  ask_replica,         // a read, or its preparing: at a replica; decided anew when none answers
  answer_cached,       // a read that was answered before, as it was answered then
  answer_ok,           // nothing to do without a server: OK
  set_locally,         // SET of literals, remembered
  use_locally,         // USE and COM_INIT_DB, remembered
  kill_locally,        // KILL of a session by Holdwater's own id
  reset_locally,       // COM_RESET_CONNECTION
  ignore,              // a command that gets no answer, for a statement that went with its connection
  refuse,              // an error; the session lives on
  lose_transaction,    // the error that says that the open transaction was rolled back
  quit,                // COM_QUIT
};

// What the decision depends on besides the command.
struct situation {
  server_state server = server_state::up;
  bool reads = false;          // the server takes no writes now, but answers reads
  bool held_out = false;       // this command has waited as long as it may
  bool has_spool = true;       // spool.enabled
  bool known_account = true;   // the proxy can log in for it
  bool in_transaction = false; // on the server, over a connection that is still good
  bool autocommit = true;
  bool collecting = false;       // a transaction is open here, not on the server
  bool collected_any = false;    // ... and has statements
  bool reading = false;          // ... and reads at the server
  bool has_read = false;         // ... and has read there, and cannot any more
  bool one_snapshot = false;     // its isolation promises that all that it reads is of one moment
  bool bound_by_reads = false;   // ... or that its writes do not meet what changed since it has read
  bool stale = false;            // the open transaction has read what lacked queued writes
  bool can_collect = true;       // nothing on the server connection would be lost without it
  bool read_only = false;        // the transaction that is open, or would be opened now
  bool transaction_lost = false; // the server lost an open transaction, and the client was not told yet
  bool noted_last = false;       // the previous statement's answer was ours, or had a warning of ours
  bool answered_apart = false;   // ... and the session's connection to the server has not seen it
  bool answerable = false;       // a read that needs no server
  bool replica = false;          // a read, or the preparing of one, that a replica may answer; only when down
  bool cached = false;           // a read, or the preparing of one, whose answer was kept; only when down
  std::string_view not_cached;   // why there is none, empty: it is not known
  bool depends_on_pending = false; // touches a table with pending units
  bool any_pending = false;        // there are some; not looked for when the server is up
  std::string_view spool_refusal;  // why no write may be spooled now, empty when it may ...
  client_error spool_error = client_error::writes_not_accepted; // ... and the error that says so
  std::string_view not_spoolable; // why this write may not run later, empty when it may
};

struct decision {
  action what = action::forward;
  client_error error = client_error::needs_server; // of refuse
  std::string_view reason;                         // of refuse: the sentence for people
  bool note = false; // of forward: what is read lacks queued writes, and the client is told
};

[[nodiscard]] decision decide(const command_facts& command, const situation& now);

} // namespace holdwater::proxy
