// A transaction that is open here while the server takes no writes and answers reads. It reads at the server,
// in a transaction there that gives it its snapshot, until it writes: from then on it is collected, and reads
// no more, since the server cannot show it what it has written. When the server takes writes again, one that
// has only read goes on there as any other.
#include "proxy/server/server_profile.hpp"
#include "proxy/session/session.hpp"
#include "spool/context_sql.hpp"

namespace holdwater::proxy {

using protocol::server_status::in_trans;

namespace {

bool is_per_statement(const std::string& isolation) {
  return isolation == "READ-COMMITTED" || isolation == "READ-UNCOMMITTED";
}

} // namespace

// Whether the open transaction's isolation promises one snapshot for all that it reads.
bool session::one_snapshot() const {
  return !is_per_statement(state_.collected.mode().isolation);
}

// Whether its writes may not run later than its reads: SERIALIZABLE locks what it reads, and with MariaDB's
// innodb_snapshot_isolation a write that meets what has changed since is refused.
bool session::bound_by_reads() const {
  const auto& isolation = state_.collected.mode().isolation;
  if (is_per_statement(isolation)) return false;
  if (isolation != "REPEATABLE-READ") return true; // or it is not known
  const std::string name = "innodb_snapshot_isolation";
  const auto profile = home_.process().profile.get();
  if (const auto own = state_.system_variable(name)) return !own->known || own->value != "0";
  const auto fresh = profile->variables.find(name);
  if (fresh != profile->variables.end()) return fresh->second.value != "0";
  return profile->variables.empty() && profile->version.mariadb;
}

// Begins the transaction at the server; with autocommit = 0 it also begins here.
task<session::verdict> session::open_snapshot() {
  if (!link_) {
    const auto linked = co_await ensure_link();
    co_return link_ ? verdict::decide_again : linked;
  }
  auto& mine = state_.collected;
  if (!mine.open()) mine.begin(state_.take_transaction_mode());
  std::vector<std::string> steps;
  if (auto isolation = spool::set_isolation(mine.mode().isolation); !isolation.empty()) {
    isolation.replace(0, std::string_view("SET SESSION").size(), "SET"); // for this transaction only
    steps.push_back(std::move(isolation));
  }
  // Not READ WRITE, which a read-only server refuses.
  steps.emplace_back("START TRANSACTION");
  if (mine.mode().snapshot) steps.back() += " WITH CONSISTENT SNAPSHOT";
  if (mine.mode().read_only) steps.back() += mine.mode().snapshot ? ", READ ONLY" : " READ ONLY";
  for (const auto& step : steps) {
    const auto said = co_await ask_server(home_, wake_, *link_, step);
    if (said.broken) {
      drop_link();
      co_return verdict::decide_again;
    }
    if (said.ok) continue;
    const bool told = co_await answer_error(client_error::needs_server, said.error);
    co_return told ? verdict::next_command : verdict::end_session;
  }
  mine.begin_reading();
  state_.status |= in_trans;
  co_return verdict::decide_again;
}

// The end of a transaction that has only read. Precondition: it is not collected.
task<> session::leave_snapshot() {
  if (!state_.collected.reading()) co_return;
  state_.collected.end_reading();
  state_.status = static_cast<std::uint16_t>(state_.status & ~in_trans);
  const std::string rollback = "ROLLBACK";
  const auto said = co_await ask_server(home_, wake_, *link_, rollback);
  if (said.broken || !said.ok) part_from_server();
}

// Before each command of an open transaction: what the server's present state means for it.
task<> session::settle_collected() {
  const auto now = command_.decided_in = home_.process().board.view();
  auto& mine = state_.collected;
  if (mine.reading()) {
    if (now.state == server_state::suspect || !now.answers() || now.reads) co_return;
    co_return co_await hand_over_snapshot();
  }
  const bool may_read_yet = now.reads && mine.empty() && !mine.has_read();
  if (now.state != server_state::up && !may_read_yet) part_from_server();
}

// The server takes writes again: a transaction that has only read goes on there.
task<> session::hand_over_snapshot() {
  const auto savepoints = state_.collected.savepoints();
  for (const auto& one : savepoints) {
    const auto step = "SAVEPOINT " + spool::quoted_name(one.name);
    const auto said = co_await ask_server(home_, wake_, *link_, step);
    if (said.ok && !said.broken) continue;
    drop_link();
    co_return;
  }
  state_.collected.forget();
}

} // namespace holdwater::proxy
