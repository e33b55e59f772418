#include "proxy/session/decide.hpp"

namespace holdwater::proxy {
namespace {

namespace sql = protocol::sql;
using protocol::command;

decision refuse(std::string_view reason, client_error error = client_error::needs_server) {
  return {action::refuse, error, reason};
}

// A write as a unit of its own. Precondition: the server is down or draining.
decision decide_write(const situation& now) {
  if (!now.has_spool) return refuse("the server is down and no writes are queued (spool.enabled = false)");
  if (!now.known_account)
    return refuse(
        "the server is down and this account's password is not configured, so its writes are not queued");
  if (!now.autocommit || now.in_transaction) return refuse("the server is down and transactions need it");
  if (!now.spool_refusal.empty()) return refuse(now.spool_refusal, client_error::writes_not_accepted);
  if (!now.not_spoolable.empty()) return refuse(now.not_spoolable);
  return {action::spool, {}, {}};
}

decision decide_down(const command_facts& asked, const situation& now) {
  switch (asked.code) {
  case command::ping: return {action::answer_ok, {}, {}};
  case command::init_db: return {action::use_locally, {}, {}};
  case command::reset_connection: return {action::reset_locally, {}, {}};
  case command::process_kill: return {action::kill_locally, {}, {}};
  case command::stmt_close:
  case command::stmt_send_long_data: return {action::ignore, {}, {}};
  case command::query: break;
  default: return refuse("the server is down and this command needs it");
  }
  if (asked.write) return decide_write(now);
  if (asked.kills && asked.single) return {action::kill_locally, {}, {}};
  if (asked.show_warnings && now.spooled_last) return {action::answer_warnings, {}, {}};
  if (asked.assigns_locally) return {action::set_locally, {}, {}};
  switch (asked.kind) {
  case sql::kind::use: return {action::use_locally, {}, {}};
  case sql::kind::commit:
  case sql::kind::rollback: return {action::answer_ok, {}, {}}; // nothing is open
  case sql::kind::begin: return refuse("the server is down and transactions need it");
  case sql::kind::select:
  case sql::kind::show: return refuse("the server is down and nothing is cached to answer this read from");
  default: return refuse("the server is down and this statement needs it");
  }
}

// Whether the command can change what pending units will meet, or open a transaction that would.
bool may_overtake(const command_facts& asked) {
  if (asked.code != command::query)
    return asked.code == command::stmt_execute || asked.code == command::stmt_bulk_execute;
  if (asked.pure_read || asked.show_warnings || asked.assigns_locally) return false;
  switch (asked.kind) {
  case sql::kind::use:
  case sql::kind::empty:
  case sql::kind::set:
  case sql::kind::show:
  case sql::kind::kill:
  case sql::kind::rollback: return false;
  default: return true;
  }
}

decision decide_draining(const command_facts& asked, const situation& now) {
  if (asked.write && now.autocommit && !now.in_transaction) {
    const auto write = decide_write(now);
    if (write.what == action::spool) return write;
  }
  if (asked.show_warnings && now.spooled_last) return {action::answer_warnings, {}, {}};
  const bool waits = may_overtake(asked) || now.depends_on_pending;
  if (!waits) return {action::forward, {}, {}};
  if (!now.held_out) return {action::wait_for_drain, {}, {}};
  if (asked.pure_read) return {action::forward, {}, {}}; // it has waited as long as it may
  return refuse("queued writes are still being applied, and this statement may not overtake them");
}

decision decide_halted(const command_facts& asked, const situation& now) {
  if (!may_overtake(asked)) return {action::forward, {}, {}};
  return refuse(now.spool_refusal.empty() ? "replay has halted and needs a person" : now.spool_refusal,
                client_error::writes_not_accepted);
}

} // namespace

decision decide(const command_facts& command, const situation& now) {
  if (command.code == protocol::command::quit) return {action::quit, {}, {}};
  if (now.transaction_lost) {
    const bool unanswered = command.code == protocol::command::stmt_close ||
                            command.code == protocol::command::stmt_send_long_data;
    if (unanswered) return {action::ignore, {}, {}};
    const bool given_up =
        command.kind == sql::kind::rollback || command.code == protocol::command::reset_connection;
    if (!given_up) return {action::lose_transaction, {}, {}};
  }
  switch (now.server) {
  case server_state::up: return {action::forward, {}, {}};
  case server_state::suspect:
    return now.held_out ? decide_down(command, now) : decision{action::hold, {}, {}};
  case server_state::down: return decide_down(command, now);
  case server_state::draining: return decide_draining(command, now);
  case server_state::halted: return decide_halted(command, now);
  }
  return {action::forward, {}, {}};
}

} // namespace holdwater::proxy
