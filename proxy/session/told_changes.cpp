// What the server tells of a session by itself (CLIENT_SESSION_TRACK).
#include "proxy/session/session_state.hpp"

#include "protocol/sql/characters.hpp"

#include <boost/algorithm/string/predicate.hpp>

#include <algorithm>
#include <array>

namespace holdwater::proxy {
namespace {

using boost::algorithm::iequals;
using protocol::session_change;
namespace sql = protocol::sql;

// Variables of the context that can be told with their whole value. Servers tell of the first three unless
// told otherwise, of others when the client asks for them; of autocommit each OK and EOF says the same in its
// status.
constexpr std::array<std::string_view, 10> followed{"time_zone",
                                                    "character_set_client",
                                                    "character_set_results",
                                                    "sql_mode",
                                                    "lc_time_names",
                                                    "foreign_key_checks",
                                                    "unique_checks",
                                                    "auto_increment_increment",
                                                    "auto_increment_offset",
                                                    "transaction_isolation"};

// Of these servers tell unless told otherwise, but for the collation, of which they tell the character set.
constexpr std::array<std::string_view, 4> told_by_default{"time_zone", "character_set_client",
                                                          "character_set_results", "collation_connection"};

// As SELECT @@x has it.
std::string as_selected(std::string_view told) {
  return told == "ON" ? "1" : told == "OFF" ? "0" : std::string(told);
}

} // namespace

void session_state::follow(const session_change& told, bool by_set, std::vector<std::string>& to_ask) {
  ++reading_version_;
  if (told.what == session_change::kind::schema) {
    // The name is told in UTF-8, whatever character set the client writes in, and what restores it is read
    // under.
    if (sql::is_ascii(told.value) || context_.character_set_client.starts_with("utf8"))
      return use_database(told.value);
    // The client's own words stand, if it has named it.
    if (sql::is_ascii(context_.database))
      make_unrestorable("a database that is named in another character set");
    return;
  }
  if (told.what != session_change::kind::variable) return;
  const auto is_open = [&](std::string_view name) {
    return std::ranges::any_of(gaps_,
                               [&](const auto& gap) { return gap.first == name || gap.first == "NAMES"; });
  };
  if (told.name == "character_set_connection") { // of the connection's collation nothing more is told
    const auto known = system_variable(told.name);
    if (by_set && !is_open("collation_connection") && known && known->value == told.value) return;
    return must_ask("collation_connection", to_ask);
  }
  if (std::ranges::find(followed, told.name) == followed.end()) return;
  std::erase(to_ask, told.name);
  const auto value = as_selected(told.value);
  const auto known = system_variable(told.name);
  const bool same = known && known->known && iequals(known->value.value_or(""), value);
  if (same && !is_open(told.name)) return;
  const bool null = value.empty() && told.name == "character_set_results";
  learn(told.name, null ? std::nullopt : std::optional(value));
}

// MariaDB's EOFs say so, and it tells in the next OK that tells of something else. (MySQL's do not; it tells
// in its next OK.)
void session_state::changed_untold(std::vector<std::string>& to_ask) {
  ++reading_version_;
  for (const auto name : told_by_default) must_ask(std::string(name), to_ask);
}

} // namespace holdwater::proxy
