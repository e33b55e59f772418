// A transaction was collected while the server was away, and now the server is up with nothing pending: it is
// begun on the session's own connection, its statements are carried out there in the contexts that they were
// meant in, and from then on it is a transaction like any other.
//
// What its client was told of a statement was marked as a guess, except for its insert ids, which are the
// same ones. A statement that the server refuses now cannot be told as its own error any more: the
// transaction is rolled back, and 1213 asks the client to try it again. Nothing is sent twice: with the first
// statement on its way, a lost connection has rolled the transaction back.
#include "protocol/sql/placeholders.hpp"
#include "proxy/session/own_reads.hpp"
#include "proxy/session/session.hpp"
#include "spool/context_sql.hpp"
#include "spool/parameter_text.hpp"

#include <boost/algorithm/string/predicate.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace holdwater::proxy {
namespace {

// For each of its statements: longer than a server lets one wait for a row's lock.
constexpr std::chrono::seconds statement_limit{60};

std::string opening(const transaction_mode& mode) {
  std::string text = "START TRANSACTION";
  if (mode.snapshot) text += " WITH CONSISTENT SNAPSHOT,";
  return text + (mode.read_only ? " READ ONLY" : " READ WRITE");
}

// The statement as a text with its bound values in it. `how`: the server's dialect.
std::string with_values(const spool::statement& one, protocol::sql::dialect how) {
  protocol::sql::apply_context(how, one.context.sql_mode, one.context.character_set_client);
  const bool in_limit = boost::algorithm::icontains(one.text, "limit");
  std::vector<std::string> values;
  values.reserve(one.parameters.size());
  for (const auto& value : one.parameters)
    values.push_back(spool::exact_literal(value, one.context.character_set_client, in_limit));
  return protocol::sql::fill_placeholders(one.text, how, values);
}

std::string savepoint_sql(const collected_transaction::savepoint& one) {
  return "SAVEPOINT " + spool::quoted_name(one.name);
}

} // namespace

task<session::verdict> session::put_on_server() {
  if (!link_) {
    const auto linked = co_await ensure_link();
    co_return link_ ? verdict::decide_again : linked;
  }
  const auto mine = std::move(state_.collected);
  state_.collected.forget();
  std::string refusal;
  copy_.wrote = copy_.wrote || !mine.empty(); // what it reads from here on may be its own
  copy_.since = home_.since_boot();
  if (own_) own_->begin_collected(mine.statements());
  auto how = co_await replay_collected(mine, refusal);
  if (how != transfer::lost) {
    const bool ready = co_await return_to_session(mine, how == transfer::refused);
    if (!ready) how = transfer::lost;
  }
  if (how == transfer::done) {
    state_.status |= protocol::server_status::in_trans;
    if (mine.mode().read_only) state_.status |= protocol::server_status::in_trans_readonly;
    co_return verdict::decide_again;
  }
  if (how == transfer::lost) {
    drop_link();
    if (client_->closed()) co_return verdict::end_session;
    transaction_lost_ = true;
    co_return verdict::decide_again;
  }
  process().counters.transactions_lost.fetch_add(1, std::memory_order_relaxed);
  const bool told = co_await answer_error(client_error::transaction_lost, refusal);
  co_return told ? verdict::next_command : verdict::end_session;
}

// Begins the transaction and carries out its statements, with the savepoints that are still set.
task<session::transfer> session::replay_collected(const collected_transaction& mine, std::string& refusal) {
  std::vector<std::string> steps;
  if (auto isolation = spool::set_isolation(mine.mode().isolation); !isolation.empty()) {
    isolation.replace(0, std::string_view("SET SESSION").size(), "SET"); // for this transaction only
    steps.push_back(std::move(isolation));
  }
  steps.push_back(opening(mine.mode()));
  if (!mine.empty())
    if (auto other =
            spool::set_settings(state_.context().settings, mine.statements().front().context.settings);
        !other.empty())
      steps.push_back(std::move(other));
  const auto limit =
      std::max<std::chrono::milliseconds>(statement_limit, process().settings.connection_timeout);
  std::optional<spool::statement_context> current;
  std::size_t number = 0;
  auto next_savepoint = mine.savepoints().begin();
  for (;;) {
    for (; next_savepoint != mine.savepoints().end() && next_savepoint->statements <= number;
         ++next_savepoint)
      steps.push_back(savepoint_sql(*next_savepoint));
    const bool last = number == mine.statements().size();
    if (!last) add_statement(mine.statements()[number], current, steps);
    for (const auto& step : steps) {
      const auto said = co_await ask_server(home_, wake_, *link_, step, limit);
      if (said.broken || stopping_) co_return transfer::lost;
      if (said.ok) continue;
      refusal =
          fmt::format("the server is back and has refused statement {} of this transaction ({}); it was "
                      "rolled back: try restarting transaction",
                      number + 1, said.error);
      co_return transfer::refused;
    }
    if (last) co_return transfer::done;
    if (mine.statements()[number].insert_id) {
      const auto clean = co_await no_insert_id_left();
      if (!clean) co_return transfer::lost;
    }
    current = mine.statements()[number].context;
    steps.clear();
    ++number;
  }
}

// What gives the statement its meaning, and the statement. The default database comes after the character
// set, since its name is written in that.
void session::add_statement(const spool::statement& one,
                            const std::optional<spool::statement_context>& current,
                            std::vector<std::string>& steps) {
  steps.push_back(spool::set_context(current, one));
  if (!one.context.database.empty() && (!current || current->database != one.context.database))
    steps.push_back("USE " + spool::quoted_name(one.context.database, one.context.character_set_client));
  if (auto variables = spool::set_user_variables(one); !variables.empty())
    steps.push_back(std::move(variables));
  steps.push_back(one.parameters.empty() ? one.text : with_values(one, state_.dialect()));
}

// A set insert_id that no row took would be taken by a later statement. MariaDB forgets it when it is told
// so; MySQL only with the connection.
task<bool> session::no_insert_id_left() {
  const std::string question = "SELECT @@insert_id";
  const auto said = co_await ask_server(home_, wake_, *link_, question);
  if (said.broken || !said.ok || said.row.empty()) co_return false;
  if (!said.row[0] || *said.row[0] == "0") co_return true;
  if (!state_.dialect().mariadb) co_return false;
  const std::string clear = "SET insert_id = 0";
  const auto cleared = co_await ask_server(home_, wake_, *link_, clear);
  co_return cleared.ok && !cleared.broken;
}

// Rolls back when the transaction failed, and gives the connection the session's own settings again. False:
// the connection is of no use any more.
task<bool> session::return_to_session(const collected_transaction& mine, bool failed) {
  std::vector<std::string> steps;
  if (failed) steps.emplace_back("ROLLBACK");
  if (!mine.empty()) {
    spool::statement now;
    now.context = state_.context();
    std::vector<spool::session_setting> left;
    for (const auto& one : mine.statements())
      left.insert(left.end(), one.context.settings.begin(), one.context.settings.end());
    if (auto own = spool::set_settings(left, now.context.settings); !own.empty())
      steps.push_back(std::move(own));
    for (const auto& one : mine.statements())
      for (const auto& variable : one.user_variables) {
        const auto same = [&](const auto& known) { return known.name == variable.name; };
        if (std::any_of(now.user_variables.begin(), now.user_variables.end(), same)) continue;
        const auto* value = state_.user_variable(spool::quoted_name(variable.name));
        now.user_variables.push_back({variable.name, value ? *value : "NULL"});
      }
    now.last_insert_id = state_.known_last_insert_id;
    if (!now.last_insert_id && last_insert_id_ != 0) now.last_insert_id = last_insert_id_;
    add_statement(now, std::nullopt, steps);
    steps.pop_back(); // it is no statement
    if (const auto time = state_.setting("timestamp").value_or(""); !time.empty())
      steps.push_back("SET SESSION timestamp = " + time); // the statements had their own
  }
  for (const auto& step : steps) {
    const auto said = co_await ask_server(home_, wake_, *link_, step);
    if (said.broken || !said.ok) co_return false;
  }
  if (failed) co_return co_await no_insert_id_left(); // the statement that was refused may have left its own
  co_return true;
}

} // namespace holdwater::proxy
