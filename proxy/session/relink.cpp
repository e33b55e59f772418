// A session's server connection coming back, and what is remembered of each statement so that it can.
#include "protocol/statement_commands.hpp"
#include "proxy/insert_ids/insert_ids.hpp"
#include "proxy/server/monitor.hpp"
#include "proxy/server/server_profile.hpp"
#include "proxy/server/state_board.hpp"
#include "proxy/session/known_settings.hpp"
#include "proxy/session/session.hpp"

#include <fmt/format.h>

#include <cstdlib>

namespace holdwater::proxy {

namespace sql = protocol::sql;
using protocol::command;
using protocol::response_tracker;

namespace {

constexpr unsigned too_many_connections = 1040;
constexpr unsigned shutting_down = 1053;

// Refused for the database alone: it was dropped meanwhile, or the account has no rights in it any more.
bool is_without_database(const link_attempt& attempt, const protocol::handshake_response& login) {
  if (attempt.what != link_attempt::outcome::refused || login.database.empty()) return false;
  const auto error = protocol::parse_err(attempt.refusal, login.client_capabilities);
  return error && (error->number == 1049 || error->number == 1044);
}

// A server that tells of one change of the database tells of all in the same answer.
bool was_told_database(const response_tracker& answer) {
  protocol::session_change_reader changes(answer.session_state());
  while (const auto told = changes.next())
    if (told->what == protocol::session_change::kind::schema) return true;
  return false;
}

// It opens no transaction, on either server (measured), so that SET TRANSACTION holds for the next still.
bool keeps_next_transaction(const command_facts& facts) {
  switch (facts.code) {
  case command::ping:
  case command::init_db:
  case command::set_option:
  case command::stmt_close: return true;
  case command::query: break;
  default: return false;
  }
  const bool no_table =
      facts.kind == sql::kind::select && facts.only_reads && !facts.reads_tables && !facts.calls_unknown;
  return no_table || facts.kind == sql::kind::set || facts.kind == sql::kind::use;
}

} // namespace

void session::drop_stale_link() {
  if (link_ && link_->outage != process().board.view().outage) drop_link();
}

// Opens and restores the server connection. Without link_ afterwards next_command means that the client has
// been told why.
task<session::verdict> session::ensure_link() {
  if (!known_ || !state_.unrestorable().empty()) co_return verdict::end_session;
  auto login = login_;
  login.database = state_.database();
  if (state_.more_statements) { // COM_SET_OPTION
    login.client_capabilities &= ~protocol::cap::multi_statements;
    if (*state_.more_statements) login.client_capabilities |= protocol::cap::multi_statements;
  }
  if (!login.database.empty()) login.client_capabilities |= protocol::cap::connect_with_db;
  auto attempt = co_await reach_server(login);
  if (home_.shares_links() && is_without_database(attempt, login)) {
    // Its own connection would have stayed: it goes on as behind a DROP DATABASE of its own.
    login.database.clear();
    login.client_capabilities &= ~protocol::cap::connect_with_db;
    attempt = {}; // its place with it
    attempt = co_await reach_server(login);
    if (attempt.what == link_attempt::outcome::opened) state_.use_database({});
  }
  if (attempt.what == link_attempt::outcome::unreachable) {
    process().watch.report(attempt.problem);
    co_return co_await retry_later();
  }
  if (attempt.what == link_attempt::outcome::refused) {
    const auto error = protocol::parse_err(attempt.refusal, login.client_capabilities);
    const bool no_room = error && error->number == too_many_connections;
    const bool not_now = !attempt.ours && (no_room || (error && error->number == shutting_down));
    if (not_now && !held_out()) {
      // Sessions that have a connection go on: whether the server is there, its check tells.
      if (no_room)
        process().watch.ask_for_check();
      else
        process().watch.report(fmt::format("connect: {} ({})", error->text, error->number));
      co_return co_await retry_later();
    }
    if (no_room && !command_.is_answered()) { // what depends on it will be told
      forget_unsent();
      co_return verdict::next_command;
    }
    protocol::byte_buffer out;
    co_await use_up_long_data();
    add_sql_state(attempt.refusal);
    protocol::append_message(out, static_cast<std::uint8_t>(command_.sequence + 1), attempt.refusal);
    const bool told = co_await answer(out);
    co_return told&& no_room ? verdict::next_command : verdict::end_session;
  }
  if (!fits(*attempt.link)) { // a server of another version came back: what was negotiated does not hold any
                              // more
    attempt.link->stream->close();
    co_return verdict::end_session;
  }
  link_ = std::move(attempt.link);
  const bool settled = co_await settle(home_, wake_, *link_);
  if (!settled) drop_link();
  if (!settled) co_return verdict::decide_again;
  state_.took_defaults(link_->fresh_since);
  const auto ok = protocol::parse_ok(link_->login_ok, link_->negotiated); // with what the reset has said
  const bool autocommit = ok && (ok->status & protocol::server_status::autocommit);
  co_return co_await restore_session(autocommit) ? verdict::next_command : verdict::decide_again;
}

// Whether the server hung up on this client, for its wait_timeout or a KILL, and not because it was stopped:
// it has been running since before that connection was opened. A plain proxy's client then loses its
// connection, as it would without the proxy.
task<bool> session::server_sent_away() {
  const auto opened = *std::exchange(sent_away_, std::nullopt);
  co_await hold_while(&session::server_is_suspect);
  if (link_ || process().board.view().state != server_state::up) co_return false;
  const auto linked = co_await ensure_link();
  if (!link_) co_return linked == verdict::end_session;
  const std::string question = "SHOW GLOBAL STATUS LIKE 'Uptime'";
  const auto said = co_await ask_server(home_, wake_, *link_, question);
  if (said.broken) drop_link();
  if (said.broken || said.row.size() != 2 || !said.row[1]) co_return false;
  const std::chrono::seconds running(std::strtoll(said.row[1]->c_str(), nullptr, 10));
  co_return std::chrono::steady_clock::now() - running < opened;
}

// A moment's pause before the server is tried again; an error when the command has waited as long as it may.
task<session::verdict> session::retry_later() {
  if (held_out() && process().board.view().answers()) {
    if (!command_.is_answered()) {
      forget_unsent();
      co_return verdict::next_command;
    }
    const bool told = co_await answer_error(client_error::needs_server, "the server cannot be reached");
    co_return told ? verdict::next_command : verdict::end_session;
  }
  home_.deadlines().set(limit_, std::chrono::milliseconds(100));
  co_await hold_while(&session::pause_lasts);
  limit_.clear();
  co_return verdict::decide_again;
}

task<bool> session::restore_session(bool fresh_autocommit) {
  id_owed_ = false;
  const auto profile = process().profile.get();
  // What was set for all past the proxy is known by the next check. Connections that are shared are restored
  // often, and do not say all of it each time.
  const bool certain = home_.shares_links() && !process().profile.changes().unlearned();
  auto statements = state_.restore_statements();
  if (auto set = state_.keep_defaults(*profile, certain); !set.empty())
    statements.insert(statements.begin(), std::move(set));
  // MySQL's logins say that it is 1 even where it is 0.
  const bool told = profile->version.mariadb || !profile->defaults;
  if (!told || state_.autocommit() != fresh_autocommit)
    statements.push_back(state_.autocommit() ? "SET autocommit = 1" : "SET autocommit = 0");
  const auto last_id = state_.known_last_insert_id.value_or(last_insert_id_);
  if (last_id != 0) statements.push_back(fmt::format("DO LAST_INSERT_ID({})", last_id));
  if (state_.next_transaction()) statements.push_back(state_.next_transaction_statement());
  for (const auto& statement : statements) {
    const auto said = co_await ask_server(home_, wake_, *link_, statement);
    if (said.ok && !said.broken) continue;
    // The value was accepted once and is not now: what the session would mean is not known any more.
    if (!said.broken) state_.make_unrestorable("a setting that the server no longer accepts");
    drop_link();
    co_return false;
  }
  co_return co_await restore_statements();
}

// What a command changed in the session: as its text has it, and over that as the server tells it.
void session::apply_effects(const command_facts& facts) {
  apply_command_effects(facts);
  if (!tracker_.session_state().empty()) follow_told(facts.kind == sql::kind::set);
  if (tracker_.changes_untold()) {
    if (hides_changes())
      state_.changed_untold(to_learn_);
    else // a client that has the server tell would see of a question that it was asked
      state_.make_unrestorable("a setting that a function changed and the server did not tell");
  }
}

// There is something to ask the server for, and nothing that the question would take from the client: no
// warning, and no count of rows.
bool session::may_learn(const command_facts& facts) {
  if (to_learn_.empty() || tracker_.ended_by() == response_tracker::ending::err ||
      tracker_.ok().warnings != 0)
    return false;
  switch (facts.kind) {
  case sql::kind::select:
  case sql::kind::insert:
  case sql::kind::replace:
  case sql::kind::update:
  case sql::kind::erase:
  case sql::kind::call:
  case sql::kind::execute: return false;
  default: return true;
  }
}

void session::follow_told(bool by_set) {
  const auto zone = state_.context().time_zone;
  protocol::session_change_reader changes(tracker_.session_state());
  while (const auto told = changes.next()) state_.follow(*told, by_set, to_learn_);
  const auto& now = state_.context().time_zone;
  if (now != zone && is_named_zone(now)) process().profile.learn_time_zone(now);
}

void session::apply_command_effects(const command_facts& facts) {
  said_.clear();
  follow_last_id(facts);
  if (state_.next_transaction() && !keeps_next_transaction(facts)) state_.forget_next_transaction();
  if (command_.code == command::stmt_close) {
    state_.statements.closed(command_.statement);
    return;
  }
  const auto ended = tracker_.ended_by();
  if (ended == response_tracker::ending::ok || ended == response_tracker::ending::eof)
    state_.said_status(tracker_.ok().status);
  else if (ended == response_tracker::ending::err) {
    const auto executed = with_statement(facts);
    state_.failed_with(tracker_.err().number, tracker_.status(), executed.kind == sql::kind::commit,
                       may_commit(executed));
  }
  if (ended == response_tracker::ending::ok && tracker_.ok().last_insert_id != 0)
    last_insert_id_ = tracker_.ok().last_insert_id;
  if (facts.changes_nothing) return;
  if (facts.untraceable && link_) link_->tainted = true;
  if (facts.untraceable) state_.make_unrestorable("a statement too large to be followed");
  const bool failed = ended == response_tracker::ending::err;
  if (failed && facts.single) {
    auto* executed =
        protocol::executes_statement(command_.code) ? state_.statements.find(command_.statement) : nullptr;
    if (executed) executed->long_data = false; // a failed execute uses it up
    if (command_.code == command::stmt_prepare) state_.statements.failed_to_open();
    if (facts.kind == sql::kind::prepare) apply_query_effects(); // the name is free now
    apply_failure();
    return;
  }
  if (ended != response_tracker::ending::err && (tracker_.ok().status & protocol::server_status::db_dropped))
    state_.use_database({});
  switch (command_.code) {
  case command::query:
    if (facts.understood) apply_query_effects();
    break;
  case command::init_db: state_.use_database(protocol::as_text(command_.payload.subspan(1))); break;
  case command::stmt_prepare: remember_statement(); break;
  case command::stmt_execute:
  case command::stmt_bulk_execute: apply_execute_effects(); break;
  case command::set_option:
    state_.more_statements = command_.payload.size() > 1 && command_.payload[1] == 0;
    break;
  case command::reset_connection: {
    const auto status = state_.status;
    login_.database = state_.database();
    state_.begin(login_, process().profile.get());
    state_.status = status;
    last_insert_id_ = 0;
    to_learn_ = {"character_set_client", "character_set_results", "collation_connection"};
    if (login_.client_capabilities & protocol::cap::ignore_space) to_learn_.emplace_back("sql_mode");
    break;
  }
  default: break;
  }
}

// The analysis is made anew: other sessions of the worker have used it since.
void session::apply_query_effects() {
  if (command_.spent) return; // streamed: a write, or untraceable
  auto& found = home_.analysis();
  const auto text = query_text();
  if (!text) return;
  found.analyze(text->text, state_.dialect());
  const bool failed = tracker_.ended_by() == response_tracker::ending::err;
  for (const auto& one : found.statements()) apply_statement_effects(one, text->text, failed);
}

// A procedure that failed has perhaps taken a lock before, and the like.
void session::apply_failure() {
  std::string_view text;
  if (protocol::executes_statement(command_.code)) {
    if (const auto* one = state_.statements.find(command_.statement)) text = one->text;
  } else if (const auto query = query_text(); query && command_.code == command::query && !command_.spent) {
    text = query->text;
  }
  if (text.empty()) return;
  auto& found = home_.analysis();
  found.analyze(text, state_.dialect());
  const auto* named = found.first().kind == sql::kind::execute
                          ? state_.statements.find(std::string_view(lower_name(found.first().subject)))
                          : nullptr;
  if (named) found.analyze(named->text, state_.dialect());
  const auto why = failure_leaves_behind(found.first(), tracker_.err().number);
  if (!why.empty()) state_.make_unrestorable(why);
}

// `text`: what the statement is a part of. `failed`: it, or one beside it, did.
void session::apply_statement_effects(const sql::statement& one, std::string_view text, bool failed) {
  if (const auto why = leaves_behind(one); !why.empty()) state_.make_unrestorable(why);
  if (link_) {
    link_->tainted = link_->tainted || outlives_reset(one);
    link_->may_have_profiles = link_->may_have_profiles || may_profile(one);
    if (one.kind == sql::kind::ddl) link_->needs_login = true; // it may have dropped its own database
  }
  if (one.kind == sql::kind::set) {
    if (failed) state_.make_unrestorable("a SET among statements that failed");
    const auto zone = state_.context().time_zone;
    auto unknown = state_.assign(one);
    const auto& now = state_.context().time_zone;
    if (!failed && now != zone && is_named_zone(now)) process().profile.learn_time_zone(now);
    to_learn_.insert(to_learn_.end(), unknown.begin(), unknown.end());
  } else if (one.kind == sql::kind::use) {
    const bool told = was_told_database(tracker_);
    if (failed && !told) state_.make_unrestorable("a USE among statements that failed");
    if (!failed || !told) state_.use_database(one.subject.unquoted());
  } else if (one.kind == sql::kind::prepare || one.kind == sql::kind::execute ||
             one.kind == sql::kind::deallocate) {
    apply_prepare_effects(one, text, failed);
  } else if (process().ids && one.kind == sql::kind::ddl) {
    process().ids->schema_changed();
  } else if (one.kind == sql::kind::insert || one.kind == sql::kind::replace) {
    const auto makes_id = note_insert(one, text);
    if (command_.single) know_last_id(makes_id);
  }
}

// Asks for the values that expressions gave to variables, in between two of the client's statements.
task<> session::learn_variables() {
  const auto names = std::exchange(to_learn_, {});
  if (!known_ || !process().writes || !link_) {
    state_.make_unrestorable("a variable that was set from an expression");
    co_return;
  }
  std::string question = "SELECT ";
  for (const auto& name : names)
    question +=
        fmt::format("{}@@session.{}", &name == &names.front() ? "" : ", ", state_.name_at_server(name));
  const auto said = co_await ask_server(home_, wake_, *link_, question);
  if (said.broken) {
    state_.make_unrestorable("a variable whose value was not learned");
    drop_link();
    co_return;
  }
  if (!said.ok || said.row.size() != names.size())
    state_.make_unrestorable("a variable whose value was not learned");
  else
    for (std::size_t at = 0; at < names.size(); ++at) state_.learn(names[at], said.row[at]);
}

} // namespace holdwater::proxy
