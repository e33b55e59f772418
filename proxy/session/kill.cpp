// KILL by an id that clients know: it is passed on for the connection that it means, and never reaches one
// that has gone to another session. Whether it is allowed stays the server's decision, since it runs over the
// killer's own connection.
#include "proxy/session/connection_registry.hpp"
#include "proxy/session/known_reads.hpp"
#include "proxy/session/session.hpp"

#include "protocol/sql/kill.hpp"
#include "protocol/sql/lasting_reads.hpp"
#include "protocol/sql/placeholders.hpp"
#include "protocol/statement_commands.hpp"
#include "spool/parameter_text.hpp"

#include <boost/algorithm/string/predicate.hpp>
#include <fmt/format.h>

namespace holdwater::proxy {

namespace sql = protocol::sql;
using course = kill_order::course;
using protocol::command;

namespace {

constexpr std::size_t longest_scanned = 4096;
constexpr std::uint16_t query_interrupted = 1317; // ER_QUERY_INTERRUPTED
constexpr std::uint16_t connection_killed = 1927; // MariaDB's ER_CONNECTION_KILLED

// Where else than in these can a statement find the ids of connections: it names a schema, asks a function of
// the session or a variable, or is a SHOW. Keeps the plain statement cheap.
bool may_show_connections(const sql::statement& one) {
  if (one.kind == sql::kind::show || has(one.traits, sql::trait::session_function) ||
      has(one.traits, sql::trait::reads_system_variable))
    return true;
  for (const auto& table : one.tables)
    if (!table.schema.empty()) return true;
  return false;
}

bool mentions(std::string_view text, std::string_view word) {
  return !boost::algorithm::ifind_first(text, word).empty();
}

} // namespace

// Precondition: the worker's analysis holds the text. False: it was not looked at, and need not be.
bool session::notice_ids(std::string_view text) {
  bool looks = sql::is_schema_of_the_server(state_.database()); // its tables show them
  for (const auto& one : home_.analysis().statements()) looks = looks || may_show_connections(one);
  if (looks) notice_words(text);
  return looks;
}

// Facts about a statement that was met before and shows no ids; null: it must be read.
const command_facts* session::known_read(std::string_view text) {
  const auto* known = home_.reads().find(text, state_.dialect());
  command_.shape = home_.reads().seen();
  return known && !sql::is_schema_of_the_server(state_.database()) ? known : nullptr;
}

// A process list tells the ids of others, CONNECTION_ID() one's own.
void session::notice_words(std::string_view text) {
  text = text.substr(0, longest_scanned);
  if (mentions(text, "processlist") || mentions(text, "thread") || mentions(text, "session"))
    looked_at_ = process().connections->now();
  if (!mentions(text, "connection_id") && !mentions(text, "thread")) return;
  keeps_link_ = true;
  if (link_ && link_->record) process().connections->tell(*link_->record);
}

// Of an execution, by id or by name. Precondition: the worker's analysis holds the text that does it by name.
bool session::executes_kill() {
  if (command_.code == command::stmt_execute) {
    const auto* one = state_.statements.find(protocol::statement_id_of(command_.payload));
    return one && one->facts.kind == sql::kind::kill;
  }
  const auto* one = state_.statements.find(std::string_view(lower_name(home_.analysis().first().subject)));
  return one && one->facts.kind == sql::kind::kill;
}

kill_plan session::plan_kill() {
  kill_plan plan;
  if (command_.code == command::process_kill) {
    protocol::payload_reader in(command_.payload);
    in.skip(1);
    plan.id = in.integer(4);
    if (in.failed()) return plan;
    plan.order = process().connections->aim(plan.id, false, looked_at_);
    if (plan.order.what == course::rewrite) {
      protocol::payload_writer out(rewritten_);
      out.integer(static_cast<std::uint8_t>(command::process_kill), 1);
      out.integer(plan.order.server_id, 4);
    }
    return plan;
  }
  const auto text = kill_text();
  auto& found = home_.analysis();
  found.analyze(text, state_.dialect());
  std::string said;
  std::size_t copied = 0;
  for (const auto& one : found.statements()) {
    if (one.kind != sql::kind::kill) continue;
    const auto target = sql::read_kill(text, one.offset, state_.dialect());
    plan.query_only = target.query_only;
    if (!target.literal) continue;
    plan.id = target.id;
    plan.order = process().connections->aim(target.id, target.query_only, looked_at_);
    // A prepared one is said as text, whatever its id: so the server never misses what it brings of types.
    if (plan.order.what == course::pass && text.data() != write_.filled.data()) continue;
    // Among several statements the server has to say that nobody has the id: nobody has 0.
    const auto id = plan.order.what == course::pass      ? target.id
                    : plan.order.what == course::rewrite ? plan.order.server_id
                                                         : 0;
    said.append(text.substr(copied, target.offset - copied)).append(fmt::format("{}", id));
    copied = target.offset + target.size;
  }
  if (copied == 0) return plan;
  said.append(text.substr(copied));
  if (text.data() == write_.filled.data()) {
    protocol::append_query(rewritten_, link_->negotiated, said);
  } else { // with the attributes that the client sent
    const auto* payload = reinterpret_cast<const char*>(command_.payload.data());
    rewritten_.assign(payload, text.data());
    rewritten_.insert(rewritten_.end(), said.begin(), said.end());
  }
  return plan;
}

// The text with the KILL. A prepared one, executed by id or by name, is written out with its values, into
// write_; empty when those are not known.
std::string_view session::kill_text() {
  write_ = {};
  if (command_.code == command::stmt_execute) {
    auto* one = state_.statements.find(protocol::statement_id_of(command_.payload));
    if (!one || !one->kept || one->long_data || !command_.whole) return {};
    write_.statement = one;
    std::string unreadable;
    const auto rows = read_bound_values(unreadable);
    if (!rows || rows->size() != 1) return {};
    write_.filled =
        sql::fill_placeholders(one->text, state_.dialect(), spool::literals(rows->front(), "binary"));
    return write_.filled;
  }
  const auto query = query_text();
  if (!query) return {};
  const auto& found = analyze_command();
  if (found.first().kind != sql::kind::execute || !found.single()) return query->text;
  write_.text = query->text;
  command_facts executed;
  look_at_named_execute(executed);
  return write_.refusal.empty() ? std::string_view(write_.filled) : std::string_view();
}

// A single KILL that the server cannot be asked about. next_command: it is answered.
task<session::verdict> session::kill_without_server(const kill_plan& plan) {
  if (plan.order.what == course::unknown) {
    const auto text = fmt::format("Unknown thread id: {}", plan.id);
    const bool told = co_await answer_error(client_error::unknown_thread, text);
    co_return told ? verdict::next_command : verdict::end_session;
  }
  const bool own = process().connections->user_of(*plan.order.target) == login_.user;
  bool told = false;
  if (!own) {
    told = co_await answer_error(client_error::needs_server,
                                 "only the server knows whether this account may end another's session");
  } else {
    told = co_await answer_ok();
    plan.query_only ? plan.order.target->interrupt() : plan.order.target->end();
  }
  co_return told ? verdict::next_command : verdict::end_session;
}

// In an outage, a KILL can only mean one of our own sessions.
task<bool> session::kill_locally() {
  kill_plan plan;
  if (command_.code == command::process_kill) {
    protocol::payload_reader in(command_.payload);
    in.skip(1);
    plan.id = in.integer(4);
  } else {
    const auto text = kill_text();
    home_.analysis().analyze(text, state_.dialect());
    const auto target = sql::read_kill(text, home_.analysis().first().offset, state_.dialect());
    plan.id = target.literal ? target.id : 0;
    plan.query_only = target.query_only;
  }
  plan.order.target = process().connections->find(plan.id);
  if (!plan.order.target && plan.id < connection_registry::first_own_id)
    co_return co_await answer_error(client_error::needs_server,
                                    "the server is down, and only it knows whose connection that is");
  plan.order.what = plan.order.target ? course::local : course::unknown;
  const auto done = co_await kill_without_server(plan);
  co_return done == verdict::next_command;
}

// The server's answer is there. Who was to be killed and was not lives on.
void session::settle_kill(const kill_plan& plan, bool answered) {
  const bool refused = !answered || tracker_.ended_by() == protocol::response_tracker::ending::err;
  const auto number = answered && refused ? tracker_.err().number : 0;
  const bool hit_itself = !plan.query_only && (number == query_interrupted || number == connection_killed) &&
                          (!plan.order.target || plan.order.target == record_);
  if (hit_itself)
    record_->doomed.store(true, std::memory_order_release);
  else if (refused && plan.order.target)
    plan.order.target->doomed.store(false, std::memory_order_release);
}

} // namespace holdwater::proxy
