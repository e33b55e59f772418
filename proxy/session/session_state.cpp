#include "proxy/session/session_state.hpp"

#include "protocol/sql/characters.hpp"
#include "proxy/session/known_settings.hpp"
#include "proxy/session/lasting_text.hpp"

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/predicate.hpp>
#include <boost/algorithm/string/replace.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace holdwater::proxy {

namespace sql = protocol::sql;
using boost::algorithm::iequals;
using target = sql::assignment::target;

namespace {

std::string canonical(const sql::name& variable) {
  return common_name(variable.unquoted());
}

bool truth(std::string_view value) {
  return value == "1" || iequals(value, "on") || iequals(value, "true");
}

// A name that the server has taken means what it says. 01, a bit set, or a charset's number it has read.
bool is_servers_name(std::string_view variable, std::string_view value) {
  if (variable == "time_zone") return is_named_zone(value);
  const bool by_name = variable == "sql_mode" || variable == "lc_time_names" ||
                       variable.starts_with("character_set_") || variable.starts_with("collation_");
  return by_name && value.find_first_of("0123456789+-") != 0;
}

// No server has a variable whose name needs quotes.
bool is_plain(std::string_view name) {
  const bool named = !name.empty() && !(name.front() >= '0' && name.front() <= '9');
  return named && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

std::uint64_t number(std::string_view value) {
  std::uint64_t parsed = 0;
  std::from_chars(value.data(), value.data() + value.size(), parsed);
  return parsed;
}

} // namespace

void session_state::begin(const protocol::handshake_response& login,
                          std::shared_ptr<const server_profile> profile) {
  login_ = login;
  profile_ = std::move(profile);
  settings_.clear();
  user_variables_.clear();
  unrestorable_.clear();
  called_unknown_ = false;
  ++reading_version_;
  statements.clear();
  more_statements.reset();
  collected.forget();
  known_last_insert_id.reset();
  last_insert_id_untold = false;
  const auto* first = profile_ ? profile_->find_variable("init_connect") : nullptr;
  if (first && first->value.value_or("").empty()) known_last_insert_id = 0; // nothing was inserted yet
  forget_next_transaction();
  read_only_ = false;
  said_status(protocol::server_status::autocommit);
  took_defaults(std::chrono::steady_clock::now());
  reset_context();
  context_.database = login.database;
}

void session_state::reset_context() {
  const auto database = context_.database;
  context_ = profile_ && profile_->defaults ? *profile_->defaults : spool::statement_context{};
  context_.database = database;
  const bool ignores = login_.client_capabilities & protocol::cap::ignore_space; // set at a login
  if (ignores && ("," + context_.sql_mode + ",").find(",IGNORE_SPACE,") == std::string::npos)
    context_.sql_mode += context_.sql_mode.empty() ? "IGNORE_SPACE" : ",IGNORE_SPACE";
  gaps_.clear();
  if (!profile_ || !profile_->defaults) open_gap("", "the server's defaults were never learned");
  const auto* ending = profile_ ? profile_->find_variable("completion_type") : nullptr;
  if (ending && ending->shown != "NO_CHAIN") open_gap("completion_type", "the server's completion_type");
  if (profile_) {
    dialect_ = {};
    dialect_.mariadb = profile_->version.mariadb;
    dialect_.version = profile_->version.number;
    const auto* chosen = profile_->find(login_.collation);
    if (!chosen)
      chosen = profile_->named(context_.collation_server); // as the server does with an id it does not know
    if (chosen && chosen == profile_->primary_of(chosen->character_set)) // as the server does with its own
      chosen = profile_->default_of(chosen->character_set);
    if (chosen) {
      context_.character_set_client = context_.character_set_results = chosen->character_set;
      context_.collation_connection = results_collation_ = chosen->name;
    }
  }
  sql::apply_context(dialect_, context_.sql_mode, context_.character_set_client);
}

// A deadlock may be one that a trigger only says is one, and a lock's time-out ends the transaction where
// innodb_rollback_on_timeout is set.
void session_state::failed_with(unsigned error, std::uint16_t said, bool commits, bool may_commit) {
  constexpr std::array<unsigned, 4> ending{1213, 1205, 1206, 1020};
  constexpr unsigned not_parsed = 1064;
  constexpr auto lasting = protocol::server_status::in_trans | protocol::server_status::autocommit;
  if (said != 0) status = static_cast<std::uint16_t>((status & ~lasting) | (said & lasting));
  if (commits && error != not_parsed)
    status = static_cast<std::uint16_t>(status & ~protocol::server_status::in_trans);
  if (!in_transaction()) return;
  if (may_commit && error != not_parsed)
    doubt = transaction_doubt::committed;
  else if (doubt == transaction_doubt::none && std::find(ending.begin(), ending.end(), error) != ending.end())
    doubt = transaction_doubt::rolled_back;
}

bool session_state::in_transaction() const {
  return status & protocol::server_status::in_trans;
}

bool session_state::autocommit() const {
  return status & protocol::server_status::autocommit;
}

void session_state::set_autocommit(bool on) {
  status = static_cast<std::uint16_t>(on ? status | protocol::server_status::autocommit
                                         : status & ~protocol::server_status::autocommit);
}

bool session_state::turns_autocommit_on(const sql::statement& set) const {
  bool on = autocommit(), turned_on = false;
  for (const auto& one : set.assignments) { // one after the other, as the server does them
    if (one.where != target::session || canonical(one.variable) != "autocommit") continue;
    const bool before = std::exchange(on, truth(sql::literal_value(one.value, dialect_)));
    turned_on = turned_on || (on && !before);
  }
  return turned_on;
}

bool session_state::knows_names(const sql::assignment& one) const {
  const auto said = [&](std::string_view text) {
    return boost::algorithm::to_lower_copy(sql::literal_value(text, dialect_));
  };
  const bool known = !one.default_value && profile_ && profile_->default_of(said(one.value));
  if (!known || !is_client_charset(said(one.value))) return false;
  const auto* collation = one.extra.empty() ? nullptr : profile_->named(said(one.extra));
  return one.extra.empty() || (collation && collation->character_set == said(one.value));
}

bool session_state::is_literal(const sql::assignment& one) const {
  switch (one.where) {
  case target::names: return knows_names(one);
  case target::session: return one.literal && !one.default_value && is_plain(canonical(one.variable));
  case target::user_variable: return lasting_value(one).has_value();
  case target::next_transaction: return one.literal && !one.default_value && !one.value.empty();
  default: return false;
  }
}

bool session_state::assigns_literals(const sql::statement& set) const {
  const auto literal = [&](const auto& one) { return is_literal(one); };
  return !set.assignments.empty() && std::ranges::all_of(set.assignments, literal);
}

bool session_state::is_acceptable_here(const sql::assignment& one) const {
  if (one.where != target::session && one.where != target::next_transaction) return true;
  const auto variable = canonical(one.variable);
  const auto value = sql::literal_value(one.value, dialect_);
  return profile_ && !is_for_one_statement(variable, value) &&
         is_acceptable(variable, one.value, value, context_, *profile_);
}

bool session_state::can_assign_locally(const sql::statement& set) const {
  const auto possible = [&](const auto& one) {
    return (is_literal(one) && is_acceptable_here(one)) || computed(one);
  };
  return !set.assignments.empty() && std::ranges::all_of(set.assignments, possible);
}

std::vector<std::string> session_state::assign(const sql::statement& set) {
  ++reading_version_;
  std::vector<std::string> unknown;
  if (set.assignments.empty()) make_unrestorable("a SET statement that is not understood");
  assign_user_variables(set);
  for (const auto& one : set.assignments) assign_one(one, unknown);
  return unknown;
}

void session_state::assign_one(const sql::assignment& one, std::vector<std::string>& unknown) {
  switch (one.where) {
  case target::global: return; // nothing of this session's
  case target::next_transaction: return assign_next_transaction(one);
  case target::user_variable: return; // see assign_user_variables()
  case target::character_set: return reset_character_set(unknown);
  case target::other:
    open_gap("", "a SET statement was not understood");
    return make_unrestorable("a SET statement that is not understood");
  case target::names:
    if (one.default_value) return reset_names(unknown);
    return assign_names(sql::literal_value(one.value, dialect_), sql::literal_value(one.extra, dialect_));
  case target::session: break;
  }
  const auto variable = canonical(one.variable);
  if (!one.literal || one.default_value) {
    must_ask(variable, unknown);
    if (one.default_value && !is_of_context(variable)) remember(variable, default_word);
    return;
  }
  const auto value = sql::literal_value(one.value, dialect_);
  const bool has_to_be_known = is_of_context(variable) || variable == "autocommit";
  if (has_to_be_known && !is_servers_name(variable, value) && !is_acceptable_here(one))
    return must_ask(variable, unknown);
  if (variable == "transaction_isolation") // its words may come without quotes, from SET TRANSACTION
    return set_variable(variable, value,
                        value.find_first_of("'\\") == value.npos ? fmt::format("'{}'", value)
                                                                 : quoted(value));
  set_variable(variable, value, lasting_text(one.value, value, context_.character_set_client));
}

void session_state::assign_names(std::string_view character_set, std::string_view collation) {
  const auto wanted = boost::algorithm::to_lower_copy(std::string(character_set));
  const auto* chosen = profile_ ? profile_->default_of(wanted) : nullptr;
  close_gap(names_key);
  remember(names_key, fmt::format("NAMES {}{}", chosen ? chosen->character_set : wanted,
                                  collation.empty() ? "" : fmt::format(" COLLATE {}", collation)));
  if (!chosen) {
    open_gap(names_key, fmt::format("the character set {} is not known", wanted));
    return;
  }
  use_character_set(chosen->character_set);
  context_.character_set_results = chosen->character_set;
  results_collation_ = chosen->name;
  context_.collation_connection = collation.empty() ? chosen->name : std::string(collation);
}

// SET NAMES DEFAULT: what the server's global variables say, whatever the login asked for.
void session_state::reset_names(std::vector<std::string>& unknown) {
  close_gap(names_key);
  remember(names_key, "NAMES DEFAULT");
  for (const char* variable : {"character_set_client", "character_set_results", "collation_connection"}) {
    unknown.emplace_back(variable);
    open_gap(variable, fmt::format("the value of {} is not known", variable));
  }
}

// SET CHARACTER SET: the connection's comes from the database, which only the server knows.
void session_state::reset_character_set(std::vector<std::string>& unknown) {
  for (const char* variable : {"character_set_client", "character_set_results", "collation_connection"})
    must_ask(variable, unknown);
}

// The bytes of a database's or a user variable's name mean another name in another character set.
void session_state::use_character_set(const std::string& client) {
  const auto foreign = [](const auto& known) { return !sql::is_ascii(known.first); };
  const bool named = !sql::is_ascii(context_.database) || std::ranges::any_of(user_variables_, foreign);
  if (named && client != context_.character_set_client) make_unrestorable("a name in another character set");
  context_.character_set_client = client;
  dialect_.client_charset = sql::charset_class(client);
}

void session_state::set_variable(const std::string& variable, const std::string& given,
                                 const std::string& text) {
  close_gap(variable);
  const auto value = as_told(variable, given);
  if (variable == "autocommit" || variable == "last_insert_id" || variable == "identity")
    return set_what_has_its_own_way(variable, value);
  if (is_for_one_statement(variable, value)) {
    open_gap(variable, fmt::format("{} was set", variable));
    return make_unrestorable("a variable for the next statement alone");
  }
  remember(variable, text);
  carry(variable, value);
  if (variable == "sql_mode") {
    context_.sql_mode = value;
    sql::apply_sql_mode(dialect_, value);
  } else if (variable == "time_zone") {
    context_.time_zone = value;
  } else if (variable == "lc_time_names") {
    context_.lc_time_names = value;
  } else if (variable == "character_set_client") {
    use_character_set(value);
  } else if (variable == "character_set_connection") {
    const auto* chosen = profile_ ? profile_->primary_of(value) : nullptr;
    if (chosen)
      context_.collation_connection = chosen->name;
    else
      open_gap(variable, "the connection's collation is not known");
  } else if (variable == "collation_connection") {
    context_.collation_connection = value;
  } else if (variable == "character_set_results") {
    context_.character_set_results = value;
    const auto* chosen = profile_ ? profile_->primary_of(value) : nullptr;
    results_collation_ = chosen ? chosen->name : std::string();
  } else if (variable == "auto_increment_increment") {
    context_.auto_increment_increment = number(value);
  } else if (variable == "auto_increment_offset") {
    context_.auto_increment_offset = number(value);
  } else if (variable == "foreign_key_checks") {
    context_.foreign_key_checks = truth(value);
  } else if (variable == "unique_checks") {
    context_.unique_checks = truth(value);
  } else if (variable == "transaction_isolation") {
    context_.isolation = boost::algorithm::to_upper_copy(value);
    next_isolation_.clear();
  } else if (variable == "transaction_read_only") {
    read_only_ = truth(value);
    next_read_only_.reset();
  } else if (variable == "completion_type") {
    if (value != "0" && !iequals(value, "NO_CHAIN")) open_gap(variable, "completion_type was set");
  } else if (variable == "timestamp" || variable == "sql_log_bin" || variable == "sql_select_limit" ||
             variable == "sql_safe_updates" || variable == "max_error_count" ||
             variable == "pseudo_thread_id") {
    // They change what a write does or leaves behind, and a unit does not carry them.
    open_gap(variable, fmt::format("{} was set", variable));
  }
}

// To another connection: it is no setting, also where it was one whose value had to be asked for.
void session_state::set_what_has_its_own_way(const std::string& variable, const std::string& value) {
  std::erase_if(settings_, [&](const auto& known) { return known.first == variable; });
  if (variable == "autocommit") return set_autocommit(truth(value));
  if (!is_number(value)) return;
  known_last_insert_id = number(value);
  last_insert_id_untold = false;
}

void session_state::remember(const std::string& key, std::string text) {
  const auto same = [&](const auto& known) { return known.first == key; };
  // SET NAMES sets three variables at once: what was said of them before is void, and order matters otherwise
  // too.
  std::erase_if(settings_, same);
  if (key == names_key)
    std::erase_if(settings_, [](const auto& known) {
      return known.first == "character_set_client" || known.first == "character_set_results" ||
             known.first == "character_set_connection" || known.first == "collation_connection";
    });
  settings_.emplace_back(key, std::move(text));
  limit_what_is_kept();
}

void session_state::open_gap(const std::string& variable, std::string why) {
  close_gap(variable);
  gaps_.emplace_back(variable, std::move(why));
}

void session_state::close_gap(std::string_view variable) {
  std::erase_if(gaps_, [&](const auto& gap) { return gap.first == variable; });
}

bool session_state::restorable() const {
  const auto unknown = [](const auto& setting) { return setting.second.empty(); };
  return unrestorable_.empty() && statements.restorable() && std::ranges::none_of(settings_, unknown);
}

prepare_context session_state::preparing() const {
  const bool known = profile_ && profile_->defaults;
  return {context_.database,
          context_.sql_mode,
          known ? context_.character_set_client : "? " + context_.character_set_client,
          context_.collation_connection,
          context_.character_set_results,
          context_.settings};
}

void session_state::make_unrestorable(std::string_view why) {
  ++reading_version_;
  if (unrestorable_.empty()) unrestorable_ = why;
}

// MariaDB has the other name for them, up to 11.0 alone.
std::string session_state::name_at_server(const std::string& variable) const {
  if (!profile_ || !profile_->version.mariadb) return variable;
  return variable == "transaction_isolation"   ? "tx_isolation"
         : variable == "transaction_read_only" ? "tx_read_only"
                                               : variable;
}

std::string session_state::statement_of(const std::pair<std::string, std::string>& setting) const {
  const auto& [variable, text] = setting;
  if (variable == names_key) return "SET " + text;
  return text.empty() ? text : fmt::format("SET SESSION {} = {}", name_at_server(variable), text);
}

std::vector<std::string> session_state::restore_statements() const {
  std::vector<std::string> list;
  for (const auto& one : settings_)
    if (auto text = statement_of(one); !text.empty()) list.push_back(std::move(text));
  for (const auto& [name, value] : user_variables_)
    list.push_back(fmt::format("SET @`{}` = {}", boost::algorithm::replace_all_copy(name, "`", "``"), value));
  return list;
}

} // namespace holdwater::proxy
