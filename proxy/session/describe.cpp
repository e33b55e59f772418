#include "proxy/session/describe.hpp"

#include "protocol/sql/characters.hpp"
#include "protocol/sql/lasting_reads.hpp"
#include "protocol/statement_commands.hpp"
#include "proxy/config/utf8.hpp"

#include <boost/algorithm/string/predicate.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace holdwater::proxy {

namespace sql = protocol::sql;
using sql::trait;

namespace {

// In the order of what a person would want to hear first.
constexpr std::array<std::pair<trait, std::string_view>, 12> hazards{{
    {trait::partial, "an unfinished quote or comment"},
    {trait::returning, "RETURNING"},
    {trait::into_target, "INTO"},
    {trait::named_lock, "a named lock"},
    {trait::session_function, "a value that only this connection's server knows"},
    {trait::deferred_hazard, "a function that would mean something else later"},
    {trait::unknown_function, "a function that is not a known built-in"},
    {trait::writes_user_variable, "an assignment to a user variable"},
    {trait::reads_system_variable, "a system variable"},
    {trait::sequence_access, "a sequence"},
    {trait::placeholder, "a placeholder"},
    {trait::temporary_table, "a temporary table"},
}};

// A statement whose second execution leaves everything as the first one did.
bool is_repeatable(const sql::statement& one, const session_state& state) {
  return sql::is_pure_read(one) || one.kind == sql::kind::use || one.kind == sql::kind::empty ||
         (one.kind == sql::kind::set && state.assigns_literals(one));
}

bool stays_in_transaction(sql::kind kind) {
  switch (kind) {
  case sql::kind::select:
  case sql::kind::show:
  case sql::kind::insert:
  case sql::kind::replace:
  case sql::kind::update:
  case sql::kind::erase:
  case sql::kind::use:
  case sql::kind::do_:
  case sql::kind::rollback:
  case sql::kind::savepoint:
  case sql::kind::rollback_to_savepoint:
  case sql::kind::release_savepoint: return true;
  default: return false;
  }
}

// What was before it shows in what it does: ROW_COUNT(), FOUND_ROWS(), warnings, counters of the session.
bool may_look_back(const sql::statement& one) {
  if (has(one.traits, trait::session_function)) return true;
  switch (one.kind) {
  case sql::kind::show:
  case sql::kind::call:
  case sql::kind::execute:
  case sql::kind::unknown: return true;
  default: return false;
  }
}

// SHOW WARNINGS and the like ask the session, and call nothing.
bool is_report(const sql::statement& one) {
  for (const std::string_view word : {"WARNINGS", "ERRORS", "PROFILE", "PROFILES", "STATUS"})
    if (boost::algorithm::iequals(one.hazard, word)) return true;
  return false;
}

// Not so: an INSERT, a CALL, LAST_INSERT_ID(expression), SET last_insert_id, what is not understood.
bool keeps_last_id(const sql::statement& one) {
  if (has(one.traits, trait::connection_value)) return one.kind == sql::kind::show && is_report(one);
  switch (one.kind) {
  case sql::kind::set:
    return std::none_of(one.assignments.begin(), one.assignments.end(), [](const sql::assignment& each) {
      const auto variable = each.variable.unquoted();
      return each.where == sql::assignment::target::other ||
             boost::algorithm::iequals(variable, "last_insert_id") ||
             boost::algorithm::iequals(variable, "identity");
    });
  case sql::kind::show: return true;
  case sql::kind::empty:
  case sql::kind::select:
  case sql::kind::update:
  case sql::kind::erase:
  case sql::kind::use:
  case sql::kind::begin:
  case sql::kind::commit:
  case sql::kind::rollback:
  case sql::kind::savepoint:
  case sql::kind::rollback_to_savepoint:
  case sql::kind::release_savepoint:
  case sql::kind::prepare:
  case sql::kind::deallocate:
  case sql::kind::ddl: return !has(one.traits, trait::select_source);
  default: return false;
  }
}

// Of a text of which only the beginning is seen, and which the analysis therefore calls unknown.
bool begins_as_write(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  for (const std::string_view word : {"insert ", "replace ", "update ", "delete "})
    if (boost::algorithm::istarts_with(text, word)) return true;
  return false;
}

// A SET that carries out a statement or changes an account, or calls a function that may write; so may a
// SHOW. Not said of writes.
bool may_write(const sql::statement& one) {
  if (one.kind != sql::kind::set && one.kind != sql::kind::show) return false;
  const auto other = [](const sql::assignment& part) {
    return part.where == sql::assignment::target::other &&
           !boost::algorithm::iequals(part.variable.raw, "role");
  };
  return has(one.traits, trait::unknown_function | trait::sequence_access) ||
         std::any_of(one.assignments.begin(), one.assignments.end(), other);
}

bool is_show_diagnostics(std::string_view text, const sql::statement& one) {
  if (one.kind != sql::kind::show) return false;
  auto words = text.substr(one.offset, one.size);
  if (!boost::algorithm::istarts_with(words, "show")) return false;
  words.remove_prefix(4);
  while (!words.empty() && static_cast<unsigned char>(words.front()) <= ' ') words.remove_prefix(1);
  for (const auto* what : {"warnings", "errors", "count"})
    if (boost::algorithm::istarts_with(words, what)) return true;
  return false;
}

} // namespace

std::string why_not_spoolable(const sql::statement& one, const session_state& state,
                              const std::string& database, bool bound) {
  const auto knows = [&state](std::string_view name) { return state.user_variable(name) != nullptr; };
  return why_not_spoolable(one, {database, state.context().character_set_client,
                                 state.known_last_insert_id.has_value(), bound, knows});
}

std::string why_not_spoolable(const sql::statement& one, const write_surroundings& around) {
  const bool known_id = has(one.traits, trait::last_insert_id) && !has(one.traits, trait::connection_value) &&
                        around.knows_last_insert_id;
  for (const auto& [which, words] : hazards)
    if (has(one.traits, which) && !(which == trait::session_function && known_id) &&
        !(which == trait::placeholder && around.bound) &&
        !(which == trait::returning && !one.insert.returned.empty())) // perhaps it asks for the reserved id
      return one.hazard.empty() ? std::string(words) : fmt::format("{} ({})", words, one.hazard);
  for (const auto name : one.user_variables)
    if (!around.knows_variable(name))
      return fmt::format("a user variable whose value is not known (@{})", name);
  const auto written = tables_of(one, around.database, true);
  if (written.empty()) return "a table that cannot be named";
  const bool utf8 = boost::algorithm::istarts_with(around.character_set_client, "utf8");
  for (const auto& table : written) {
    // what is queued for it has to be found by sessions with other character sets; and MySQL cuts a name at
    // bytes that are no character, so that it means another table
    for (const std::string& name : {table.schema, table.table})
      if (!sql::is_ascii(name) && (!utf8 || find_bad_utf8(name) != std::string::npos))
        return "a table that cannot be named";
    if (table.schema.empty()) return "no database is selected";
  }
  for (const auto& table : tables_of(one, around.database, false)) // what it reads tells of replay's session
    if (sql::is_schema_of_the_server(table.schema)) return "a table of the server's own";
  return {};
}

command_facts describe_query(std::string_view text, bool whole, bool alone, const session_state& state,
                             sql::analysis& found) {
  found.analyze(text, state.dialect());
  const auto& first = found.first();
  command_facts facts;
  facts.code = protocol::command::query;
  facts.understood = whole;
  facts.single = found.single();
  facts.untraceable = !whole && !(alone && begins_as_write(text));
  for (const auto& one : found.statements()) {
    facts.kills = facts.kills || one.kind == sql::kind::kill;
    const bool unseen = !facts.single && one.kind == sql::kind::execute; // what it executes
    facts.changes_logins = facts.changes_logins || unseen || changes_logins(one);
    facts.calls_unknown = facts.calls_unknown || has(one.traits, trait::unknown_function);
    facts.looks_back = facts.looks_back || may_look_back(one);
    facts.written.add(one, state.database());
  }
  facts.written.any = facts.written.any || !whole;
  facts.written.only_adds = facts.written.only_adds && whole;
  facts.changes_logins = facts.changes_logins || !whole;
  facts.calls_unknown = facts.calls_unknown || !whole;
  facts.kills = facts.kills && whole;
  facts.several_writes = whole && !alone && !facts.single &&
                         std::all_of(found.statements().begin(), found.statements().end(),
                                     [](const sql::statement& one) { return one.is_write(); });
  if (!whole || !facts.single) return facts;
  facts.kind = first.kind;
  facts.write = first.is_write();
  facts.pure_read = sql::is_pure_read(first);
  facts.finds_rows = facts.pure_read && first.kind == sql::kind::select &&
                     !has(first.traits, trait::session_function | trait::unknown_function);
  facts.only_reads = sql::only_reads(first);
  facts.reads_tables = facts.only_reads && !first.tables.empty();
  facts.lasting = facts.pure_read && sql::is_lasting_read(text, first, state.database(), state.dialect());
  facts.asks_back = first.kind != sql::kind::show && has(first.traits, trait::connection_value);
  facts.assigns_locally = first.kind == sql::kind::set && state.can_assign_locally(first);
  facts.may_write = may_write(first);
  if (facts.assigns_locally) {
    facts.turns_autocommit_on = state.turns_autocommit_on(first);
    facts.sets_next_transaction = session_state::sets_next_transaction(first);
  }
  facts.repeatable = is_repeatable(first, state);
  facts.shows_diagnostics = is_show_diagnostics(text, first);
  facts.stays_in_transaction = stays_in_transaction(first.kind);
  facts.keeps_last_id = keeps_last_id(first);
  const bool plain = first.kind == sql::kind::update || first.kind == sql::kind::erase ||
                     first.kind == sql::kind::commit || first.kind == sql::kind::begin;
  facts.changes_nothing = facts.pure_read || (plain && leaves_behind(first).empty());
  return facts;
}

bool may_commit(const command_facts& facts) {
  if (facts.code != protocol::command::query && !protocol::executes_statement(facts.code)) return false;
  if (facts.kind == sql::kind::set) return facts.turns_autocommit_on;
  return !facts.stays_in_transaction;
}

bool controls_transaction(sql::kind kind) {
  switch (kind) {
  case sql::kind::begin:
  case sql::kind::commit:
  case sql::kind::rollback:
  case sql::kind::savepoint:
  case sql::kind::rollback_to_savepoint:
  case sql::kind::release_savepoint: return true;
  default: return false;
  }
}

command_facts describe_command(protocol::command code) {
  using enum protocol::command;
  command_facts facts;
  facts.code = code;
  facts.kills = code == protocol::command::process_kill;
  switch (code) {
  case ping:
  case init_db:
  case field_list:
  case statistics:
  case stmt_prepare:
  case set_option: facts.repeatable = true; break;
  default: break;
  }
  facts.keeps_last_id = facts.repeatable || code == stmt_close || code == stmt_reset || code == stmt_fetch ||
                        code == stmt_send_long_data;
  return facts;
}

prepared_facts describe_prepared(std::string_view text, const session_state& state, sql::analysis& found) {
  found.analyze(text, state.dialect());
  const auto& first = found.first();
  prepared_facts facts;
  facts.kind = found.single() ? first.kind : sql::kind::unknown;
  facts.pure_read = found.single() && sql::is_pure_read(first);
  facts.only_reads = found.single() && sql::only_reads(first);
  facts.lasting = facts.pure_read && sql::is_lasting_read(text, first, state.database(), state.dialect());
  facts.calls_unknown = !found.single() || has(first.traits, trait::unknown_function);
  facts.stays_in_transaction = found.single() && stays_in_transaction(first.kind);
  const bool plain = first.kind == sql::kind::select || first.kind == sql::kind::show || first.is_write();
  facts.changes_session = !found.single() || !plain || !leaves_behind(first).empty();
  facts.changes_logins = !found.single() || changes_logins(first);
  for (const auto& one : found.statements()) facts.written.add(one, state.database());
  facts.inserts = first.kind == sql::kind::insert || first.kind == sql::kind::replace;
  facts.keeps_last_id = found.single() && keeps_last_id(first);
  facts.looks_back = may_look_back(first);
  return facts;
}

std::string_view leaves_behind(const sql::statement& one) {
  if (has(one.traits, trait::temporary_table)) return "a temporary table";
  if (has(one.traits, trait::named_lock)) return "a named lock";
  if (has(one.traits, trait::writes_user_variable) && one.kind != sql::kind::set) return "a user variable";
  switch (one.kind) {
  case sql::kind::lock_tables: return "locked tables";
  case sql::kind::handler: return "an open handler";
  case sql::kind::xa: return "an XA transaction";
  case sql::kind::call: return "what a procedure did";
  case sql::kind::unknown: return "a statement that is not understood";
  default: return {};
  }
}

std::string_view failure_leaves_behind(const sql::statement& one, unsigned error) {
  constexpr unsigned not_parsed = 1064;
  const bool partly = one.kind == sql::kind::call ||
                      (one.kind == sql::kind::unknown && error != not_parsed) ||
                      has(one.traits, trait::named_lock | trait::writes_user_variable);
  return partly && one.kind != sql::kind::set ? leaves_behind(one) : std::string_view();
}

bool outlives_reset(protocol::command code) {
  using enum protocol::command;
  switch (code) {
  case quit:
  case init_db:
  case query:
  case field_list:
  case statistics:
  case process_info:
  case process_kill:
  case ping:
  case change_user:
  case stmt_prepare:
  case stmt_execute:
  case stmt_bulk_execute:
  case stmt_send_long_data:
  case stmt_close:
  case stmt_reset:
  case stmt_fetch:
  case reset_connection: return false;
  default: return true; // COM_SET_OPTION does (measured), a replica's registration too
  }
}

bool outlives_reset(const sql::statement& one) {
  switch (one.kind) {
  case sql::kind::admin:
  case sql::kind::xa:
  case sql::kind::unknown: return true;
  case sql::kind::set:
    return std::any_of(one.assignments.begin(), one.assignments.end(), [](const sql::assignment& each) {
      return each.where == sql::assignment::target::other; // SET RESOURCE GROUP, and what is not understood
    });
  default: return false;
  }
}

bool may_profile(const sql::statement& one) {
  if (one.kind == sql::kind::call || has(one.traits, trait::unknown_function)) return true;
  return std::any_of(one.assignments.begin(), one.assignments.end(), [](const sql::assignment& each) {
    return boost::algorithm::iequals(each.variable.unquoted(), "profiling");
  });
}

bool changes_logins(const sql::statement& one) {
  switch (one.kind) {
  case sql::kind::ddl:
  case sql::kind::admin:
  case sql::kind::call:
  case sql::kind::unknown: return true;
  case sql::kind::insert: // into the tables of accounts
  case sql::kind::replace:
  case sql::kind::update:
  case sql::kind::erase:
    return std::any_of(one.tables.begin(), one.tables.end(), [](const sql::table_ref& each) {
      return each.written && boost::algorithm::iequals(each.schema.unquoted(), "mysql");
    });
  case sql::kind::set:
    return std::any_of(one.assignments.begin(), one.assignments.end(), [](const sql::assignment& each) {
      return each.where == sql::assignment::target::global || each.where == sql::assignment::target::other;
    });
  default: return false;
  }
}

std::vector<spool::table_name> tables_of(const sql::statement& one, std::string_view database,
                                         bool written_only) {
  std::vector<spool::table_name> tables;
  for (const auto& table : one.tables) {
    if (written_only && !table.written) continue;
    tables.push_back(
        {table.schema.empty() ? std::string(database) : table.schema.unquoted(), table.table.unquoted()});
  }
  return tables;
}

} // namespace holdwater::proxy
