#include "proxy/session/rules.hpp"

#include "protocol/sql/plain_reads.hpp"

#include <boost/algorithm/string/predicate.hpp>

#include <algorithm>

namespace holdwater::proxy {
namespace {

using boost::algorithm::iequals;

// A name with a dot in it is schema.table.
bool is_table(std::string_view wanted, const spool::table_name& table) {
  const auto dot = wanted.find('.');
  if (dot == wanted.npos) return iequals(wanted, table.table);
  return iequals(wanted.substr(0, dot), table.schema) && iequals(wanted.substr(dot + 1), table.table);
}

bool holds(const rule& one, const ruled_statement& of) {
  if (!one.account.empty() && one.account != of.account) return false;
  const auto there = [&](const auto& table) { return iequals(one.database, table.schema); };
  if (!one.database.empty() && !iequals(one.database, of.database) && std::ranges::none_of(of.tables, there))
    return false;
  const auto named = [&](const auto& table) { return is_table(one.table, table); };
  if (!one.table.empty() && std::ranges::none_of(of.tables, named)) return false;
  return one.pattern.empty() || protocol::sql::is_like(of.text, one.pattern);
}

template <class Effect>
void keep_first(std::optional<Effect>& of, const std::optional<Effect>& more) {
  if (!of) of = more;
}

} // namespace

rule_effects effects_of(std::span<const rule> rules, const ruled_statement& one) {
  rule_effects all;
  for (const auto& each : rules) {
    if (!holds(each, one)) continue;
    keep_first(all.cache, each.cache);
    keep_first(all.max_stale, each.max_stale);
    keep_first(all.spool, each.spool);
    keep_first(all.hold, each.hold);
    keep_first(all.times_are_now, each.times_are_now);
  }
  return all;
}

} // namespace holdwater::proxy
