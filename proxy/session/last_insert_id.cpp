// What LAST_INSERT_ID() says in a session, so that it says so on another server connection too.
#include "proxy/insert_ids/insert_ids.hpp"
#include "proxy/session/session.hpp"

#include <fmt/format.h>

#include <cstdlib>

namespace holdwater::proxy {

namespace sql = protocol::sql;
using protocol::command;
using protocol::response_tracker;

// The server connection is still the one from before a queued write, which had an insert id. False: it is
// lost.
task<bool> session::tell_insert_id() {
  id_owed_ = false;
  const auto statement =
      fmt::format("DO LAST_INSERT_ID({})", state_.known_last_insert_id.value_or(last_insert_id_));
  const auto said = co_await ask_server(home_, wake_, *link_, statement);
  if (said.ok && !said.broken) co_return true;
  drop_link();
  co_return false;
}

// Ids are reserved for the tables that clients insert into. Whether the server makes the rows' ids; nothing:
// that cannot be told.
std::optional<bool> session::note_insert(const sql::statement& one, std::string_view text) {
  std::optional<bool> makes_id;
  if (!process().ids || (one.kind != sql::kind::insert && one.kind != sql::kind::replace)) return makes_id;
  for (const auto& table : tables_of(one, state_.database(), true))
    makes_id = process().ids->saw_insert(table.schema, table.table, text, one, state_.dialect());
  return makes_id;
}

// What LAST_INSERT_ID() says after the statement. A single INSERT that came as text is looked at when its
// table is.
void session::follow_last_id(const command_facts& facts) {
  if (facts.keeps_last_id) return;
  const bool failed = tracker_.ended_by() == response_tracker::ending::err;
  const bool inserts = facts.kind == sql::kind::insert || facts.kind == sql::kind::replace;
  if (inserts && facts.understood && !command_.spent && !failed) return;
  auto* one = command_.code == command::stmt_execute ? state_.statements.find(command_.statement) : nullptr;
  if (one && one->facts.keeps_last_id) return;
  if (!one || !one->kept || !one->facts.makes_rows() || failed) return lose_last_id();
  if (tracker_.ok().last_insert_id != 0 && !one->makes_id) {
    auto& found = home_.analysis();
    found.analyze(one->text, state_.dialect());
    one->makes_id = note_insert(found.first(), one->text);
  }
  know_last_id(one->makes_id);
}

// After an INSERT. An OK may also name an id that the client has given itself, which is not what
// LAST_INSERT_ID() says; behind returned rows it names none.
void session::know_last_id(std::optional<bool> made_by_server) {
  if (tracker_.ended_by() != response_tracker::ending::ok || tracker_.rows() > 0) return lose_last_id();
  const auto told = tracker_.ok().last_insert_id;
  if (told != 0 && !made_by_server) return lose_last_id();
  if (told != 0 && *made_by_server) state_.known_last_insert_id = told;
}

// The statement may have changed it. What its OK tells may be an id that it has brought itself, and is not
// what LAST_INSERT_ID() says.
void session::lose_last_id() {
  state_.known_last_insert_id.reset();
  state_.last_insert_id_untold = true;
}

// What only the server knows of the session, before its link may become another's. False: the link is lost.
task<bool> session::learn_the_rest() {
  if (!to_learn_.empty()) co_await learn_variables();
  if (link_ && id_owed_) co_await tell_insert_id();
  if (!link_ || !state_.last_insert_id_untold) co_return link_.has_value();
  state_.last_insert_id_untold = false;
  if (state_.known_last_insert_id) co_return true;
  const std::string question = "SELECT LAST_INSERT_ID()";
  const auto said = co_await ask_server(home_, wake_, *link_, question);
  if (said.broken) {
    drop_link();
    co_return false;
  }
  if (said.ok && said.row.size() == 1 && said.row[0])
    state_.known_last_insert_id = std::strtoull(said.row[0]->c_str(), nullptr, 10);
  else
    state_.make_unrestorable("a LAST_INSERT_ID() that was not learned");
  co_return true;
}

} // namespace holdwater::proxy
