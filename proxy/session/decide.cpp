#include "proxy/session/decide.hpp"

#include "protocol/statement_commands.hpp"

#include <optional>

namespace holdwater::proxy {
namespace {

namespace sql = protocol::sql;
using protocol::command;

constexpr std::string_view halted_reason = "replay has halted and needs a person";
constexpr std::string_view overtaking_reason =
    "the server takes no writes now, writes are queued for it, and this statement could overtake them";
constexpr std::string_view stale_reason =
    "this transaction has read a table whose queued writes were not applied, so it takes no write: roll it "
    "back, and begin again";
constexpr std::string_view bound_reason =
    "the server takes no writes now, and this transaction's isolation binds its writes to what it has read";
constexpr std::string_view read_over_reason =
    "this transaction has written, or has had its snapshot, and cannot read before the server takes writes";
constexpr std::string_view one_snapshot_reason =
    "the server takes writes again, and this transaction's snapshot is gone; try restarting transaction";

decision refuse(std::string_view reason, client_error error = client_error::needs_server) {
  return {action::refuse, error, reason};
}

// Why nothing that a session writes can be queued; forward stands for "it can".
decision why_nothing_is_queued(const situation& now) {
  if (!now.has_spool) return refuse("the server is down and no writes are queued (spool.enabled = false)");
  if (!now.known_account)
    return refuse(
        "the server is down and this account's password is not configured, so its writes are not queued");
  if (!now.spool_refusal.empty()) return refuse(now.spool_refusal, now.spool_error);
  return {action::forward, {}, {}};
}

// Precondition: no transaction is open on the server.
decision decide_write(const command_facts& asked, const situation& now) {
  const auto none = why_nothing_is_queued(now);
  if (none.what == action::refuse) return none;
  if (now.read_only)
    return refuse("Cannot execute statement in a READ ONLY transaction", client_error::read_only_transaction);
  if (now.collecting && now.has_read && now.bound_by_reads) return refuse(bound_reason);
  if (asked.several_writes) return {action::spool_several, {}, {}};
  if (!now.not_spoolable.empty()) return refuse(now.not_spoolable);
  return {now.collecting || !now.autocommit ? action::collect : action::spool, {}, {}};
}

decision decide_commit(const situation& now) {
  if (!now.collected_any) return {action::commit_collected, {}, {}};
  const auto none = why_nothing_is_queued(now);
  if (none.what == action::refuse) return {action::fail_transaction, none.error, none.reason};
  return {action::commit_collected, {}, {}};
}

decision decide_begin(const situation& now) {
  if (now.collected_any) return decide_commit(now); // it commits
  const auto none = why_nothing_is_queued(now);
  return none.what == action::refuse ? none : decision{action::begin_collected, {}, {}};
}

// Of a SET that needs no server.
decision decide_set(const command_facts& asked, const situation& now) {
  if (asked.sets_next_transaction && now.collecting)
    return refuse("Transaction characteristics can't be changed while a transaction is in progress",
                  client_error::transaction_open);
  if (asked.turns_autocommit_on && now.collecting) return decide_commit(now);
  return {action::set_locally, {}, {}};
}

// A read that the session cannot answer itself.
decision decide_read(const situation& now) {
  if (now.replica) return {action::ask_replica, {}, {}};
  if (now.cached) return {action::answer_cached, {}, {}};
  if (!now.not_cached.empty()) return refuse(now.not_cached);
  return refuse("the server is down and nothing is cached to answer this read from");
}

// A statement that is prepared is checked as its execution will be, so that no client learns too late.
decision decide_prepare(const command_facts& asked, const situation& now) {
  if (now.answerable || now.cached || asked.prepares_plain) return {action::prepare_locally, {}, {}};
  if (asked.lasting) return decide_read(now);
  if (!asked.prepares_write)
    return refuse(
        "the server is down and only writes, transaction control, plain settings, and reads that are cached "
        "or need no table, can be prepared without it");
  const auto none = why_nothing_is_queued(now);
  if (none.what == action::refuse) return none;
  return now.not_spoolable.empty() ? decision{action::prepare_locally, {}, {}} : refuse(now.not_spoolable);
}

decision decide_down(const command_facts& asked, const situation& now) {
  switch (asked.code) {
  case command::ping: return {action::answer_ok, {}, {}};
  case command::init_db: return {action::use_locally, {}, {}};
  case command::reset_connection: return {action::reset_locally, {}, {}};
  case command::change_user: return {action::forward, {}, {}}; // a login, which goes its own way
  case command::process_kill: return {action::kill_locally, {}, {}};
  case command::stmt_close: return {action::ignore, {}, {}};
  case command::stmt_send_long_data: return {action::keep_long_data, {}, {}};
  case command::stmt_reset: return {action::reset_statement, {}, {}};
  case command::stmt_prepare: return decide_prepare(asked, now);
  case command::stmt_execute:
  case command::stmt_bulk_execute:
    if (asked.kills) return {action::kill_locally, {}, {}};
    if (asked.write) return decide_write(asked, now);
    if (now.answerable) return {action::answer_read, {}, {}};
    return asked.lasting ? decide_read(now) : refuse("the server is down and this statement needs it");
  case command::query: break;
  default: return refuse("the server is down and this command needs it");
  }
  if (asked.write || asked.several_writes) return decide_write(asked, now);
  if (asked.kills && asked.single) return {action::kill_locally, {}, {}};
  if (now.answerable) return {action::answer_read, {}, {}};
  if (asked.assigns_locally) return decide_set(asked, now);
  switch (asked.kind) {
  case sql::kind::use: return {action::use_locally, {}, {}};
  case sql::kind::begin: return decide_begin(now);
  case sql::kind::commit: return decide_commit(now);
  case sql::kind::rollback: return {action::rollback_collected, {}, {}};
  case sql::kind::savepoint:
  case sql::kind::rollback_to_savepoint:
  case sql::kind::release_savepoint: return {action::savepoint_collected, {}, {}};
  case sql::kind::prepare: return decide_prepare(asked, now);
  case sql::kind::deallocate: return {action::deallocate_locally, {}, {}};
  case sql::kind::select:
  case sql::kind::show: return decide_read(now);
  default: return refuse("the server is down and this statement needs it");
  }
}

// Whether the command can change what pending units will meet, or open a transaction that would.
bool may_overtake(const command_facts& asked) {
  if (asked.code != command::query && !protocol::executes_statement(asked.code)) return false;
  if (asked.only_reads || asked.shows_diagnostics || asked.assigns_locally) return false;
  switch (asked.kind) {
  case sql::kind::use:
  case sql::kind::empty:
  case sql::kind::kill:
  case sql::kind::rollback: return false;
  case sql::kind::set:
  case sql::kind::show: return asked.may_write;
  default: return true;
  }
}

// Of what is forwarded although units are pending.
decision pass(const command_facts& asked, const situation& now) {
  return {action::forward, {}, {}, asked.only_reads && now.depends_on_pending};
}

// A question about the statement before, which the session's connection has not seen, or not as the client
// has. Nothing: it is none.
std::optional<decision> decide_asking_back(const command_facts& asked, const situation& now) {
  const bool asks = (asked.shows_diagnostics && now.noted_last) || (asked.asks_back && now.answered_apart);
  if (!asks) return std::nullopt;
  if (now.answerable) return decision{action::answer_read, {}, {}};
  return refuse("the statement before was not the server's, and its answer is not known");
}

// A transaction is being collected, and the server is reachable: it is caught up with, or replay has halted.
decision decide_collecting(const command_facts& asked, situation now) {
  if (now.server == server_state::halted && now.spool_refusal.empty()) now.spool_refusal = halted_reason;
  const auto here = decide_down(asked, now);
  const bool needs_server = here.what == action::refuse && here.error == client_error::needs_server;
  if (now.server != server_state::draining || !needs_server) return here;
  if (!now.held_out) return {action::wait_for_drain, {}, {}};
  return refuse("queued writes are still being applied, and this transaction has to wait for them");
}

// Whether the command opens a transaction that can be collected, or ends one when none is open.
bool begins_or_ends(const command_facts& asked, const situation& now) {
  if (now.in_transaction || !now.can_collect) return false;
  return asked.kind == sql::kind::begin || asked.kind == sql::kind::commit ||
         ((asked.write || asked.several_writes) && !now.autocommit);
}

// COMMIT of a transaction that is open at the server. What it wrote is done there already, before what is
// queued, which waits for its locks; a COMMIT that is refused would leave it open, for the next BEGIN to
// commit. So does UNLOCK TABLES leave what replay waits for.
bool commits_at_server(const command_facts& asked, const situation& now) {
  if (asked.kind == sql::kind::unlock_tables) return !now.collecting;
  return asked.kind == sql::kind::commit && now.in_transaction && !now.collecting;
}

decision decide_draining(const command_facts& asked, const situation& now) {
  if (commits_at_server(asked, now)) return {action::forward, {}, {}};
  const bool writes = asked.write || asked.several_writes;
  const bool alone = writes && now.autocommit && !now.in_transaction && now.can_collect;
  if (begins_or_ends(asked, now) || alone) {
    const auto here = decide_down(asked, now);
    if (here.what != action::refuse || here.error == client_error::read_only_transaction) return here;
  }
  if (const auto back = decide_asking_back(asked, now)) return *back;
  const bool runs = asked.code == command::query || protocol::executes_statement(asked.code);
  const bool waits = may_overtake(asked) || (now.depends_on_pending && runs);
  if (!waits) return {action::forward, {}, {}};
  if (!now.held_out) return {action::wait_for_drain, {}, {}};
  if (asked.only_reads) return pass(asked, now); // it has waited as long as it may
  return refuse("queued writes are still being applied, and this statement may not overtake them");
}

// What is open here while reads go on. Until it writes, it may read at the server, all of it in one
// transaction there; the server cannot show it what it has written.
decision decide_collecting_reads(const command_facts& asked, const situation& now) {
  if (now.collected_any || now.has_read) {
    const auto here = decide_down(asked, now);
    return here.what == action::refuse && asked.only_reads ? refuse(read_over_reason) : here;
  }
  if (controls_transaction(asked.kind) || asked.sets_next_transaction || asked.turns_autocommit_on)
    return decide_down(asked, now);
  if (asked.write || asked.several_writes) {
    if (now.reading && now.stale) return refuse(stale_reason);
    if (now.reading && now.bound_by_reads) return refuse(bound_reason);
    return decide_write(asked, now);
  }
  if (asked.feeds_write) return {action::keep_long_data, {}, {}};
  if (asked.reads_tables && !now.reading) return {action::open_snapshot, {}, {}};
  if (!may_overtake(asked)) return pass(asked, now);
  return refuse("the server takes no writes now, and this statement needs one that does");
}

// The server takes no writes now, and reads go on. Nothing can drain, so nothing waits for it. What could
// overtake queued writes is the server's to answer while there are none.
decision decide_reads_go_on(const command_facts& asked, const situation& now) {
  if (now.collecting) return decide_collecting_reads(asked, now);
  if (const auto back = decide_asking_back(asked, now)) return *back;
  if (!now.in_transaction && now.can_collect) {
    const bool queued = why_nothing_is_queued(now).what != action::refuse;
    const bool implied = queued && !now.autocommit; // it begins a transaction
    if (asked.write || asked.several_writes) {
      const auto here = decide_write(asked, now);
      if (here.what != action::refuse || here.error == client_error::read_only_transaction) return here;
      return now.any_pending ? here : decision{action::forward, {}, {}};
    }
    if (asked.feeds_write) return {action::keep_long_data, {}, {}};
    if ((asked.kind == sql::kind::begin && queued) || (asked.kind == sql::kind::savepoint && implied))
      return decide_down(asked, now);
    if (asked.reads_tables && asked.kind == sql::kind::select && implied)
      return {action::open_snapshot, {}, {}};
  }
  if (!may_overtake(asked) || controls_transaction(asked.kind)) return pass(asked, now);
  return now.any_pending ? refuse(overtaking_reason) : decision{action::forward, {}, {}};
}

// Whether the decision needs no verdict on the server: it is the same when it takes writes again at once.
bool needs_no_verdict(const decision& chosen, const command_facts& asked, const situation& now) {
  switch (chosen.what) {
  case action::forward: return !may_overtake(asked);
  case action::begin_collected:
  case action::commit_collected: return !now.collected_any;
  case action::open_snapshot:
  case action::answer_read:
  case action::rollback_collected:
  case action::savepoint_collected: return true;
  default: return false;
  }
}

decision decide_suspect(const command_facts& asked, const situation& now) {
  if (!now.reads) return now.held_out ? decide_down(asked, now) : decision{action::hold, {}, {}};
  const auto chosen = decide_reads_go_on(asked, now);
  return now.held_out || needs_no_verdict(chosen, asked, now) ? chosen : decision{action::hold, {}, {}};
}

decision decide_halted(const command_facts& asked, const situation& now) {
  if (const auto back = decide_asking_back(asked, now)) return *back;
  if (!may_overtake(asked) || commits_at_server(asked, now)) return pass(asked, now);
  if (now.spool_refusal.empty()) return refuse(halted_reason, client_error::writes_not_accepted);
  return refuse(now.spool_refusal, now.spool_error);
}

// The server is up, and the transaction so far is here. What has no answer cannot be told of a failure, and
// what forgets the transaction needs none of it there.
decision decide_up_collecting(const command_facts& asked, const situation& now) {
  switch (asked.code) {
  case command::stmt_close:
  case command::stmt_send_long_data:
  case command::reset_connection:
  case command::change_user: return {action::forward, {}, {}};
  default: break;
  }
  if (asked.kind == sql::kind::rollback) return {action::rollback_collected, {}, {}};
  if (asked.kind == sql::kind::commit && !now.collected_any) return {action::commit_collected, {}, {}};
  if (now.has_read && now.one_snapshot && asked.kind != sql::kind::commit)
    return {action::fail_transaction, client_error::transaction_lost, one_snapshot_reason};
  return {action::put_on_server, {}, {}};
}

} // namespace

decision decide(const command_facts& command, const situation& now) {
  if (command.code == protocol::command::quit) return {action::quit, {}, {}};
  if (now.transaction_lost) {
    const bool unanswered = command.code == protocol::command::stmt_close ||
                            command.code == protocol::command::stmt_send_long_data;
    if (unanswered) return {action::ignore, {}, {}};
    const bool given_up = command.kind == sql::kind::rollback ||
                          command.code == protocol::command::reset_connection ||
                          command.code == protocol::command::change_user;
    if (!given_up) return {action::lose_transaction, {}, {}};
  }
  if (now.stale && !now.collecting && may_overtake(command) && !controls_transaction(command.kind))
    return refuse(stale_reason);
  switch (now.server) {
  case server_state::up:
    if (now.collecting) return decide_up_collecting(command, now);
    return decide_asking_back(command, now).value_or(decision{action::forward, {}, {}});
  case server_state::suspect: return decide_suspect(command, now);
  case server_state::down: return now.reads ? decide_reads_go_on(command, now) : decide_down(command, now);
  case server_state::draining:
    return now.collecting ? decide_collecting(command, now) : decide_draining(command, now);
  case server_state::halted:
    return now.collecting ? decide_collecting(command, now) : decide_halted(command, now);
  }
  return {action::forward, {}, {}};
}

} // namespace holdwater::proxy
