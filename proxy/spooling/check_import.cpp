#include "proxy/spooling/check_import.hpp"

#include "proxy/session/describe.hpp"
#include "proxy/session/rules.hpp"
#include "proxy/session/write_drafts.hpp"
#include "proxy/sql_files/unit_reader.hpp"

#include <boost/algorithm/string/predicate.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace holdwater::proxy {
namespace {

namespace sql = protocol::sql;

sql::dialect dialect_of(const spool::statement_context& context, const sql::dialect& server) {
  auto out = server;
  sql::apply_context(out, context.sql_mode, context.character_set_client);
  return out;
}

bool is_ruled_out(const import_terms& terms, const spool::unit& of, const spool::statement& one,
                  const sql::statement& found) {
  const ruled_statement what{of.account, one.context.database, one.text,
                             tables_of(found, one.context.database, false)};
  return !effects_of(terms.rules, what).spool.value_or(true);
}

// They are sent as they are, within a SET.
std::string why_not_variables(const spool::statement& one) {
  for (const auto& variable : one.user_variables)
    if (!is_kept_literal(variable.literal))
      return fmt::format("the value of @{} is not a literal", variable.name);
  return {};
}

// A text that holds more than the one write would be refused by the server, or carry something in.
std::string why_not(const import_terms& terms, const spool::unit& of, spool::statement& one,
                    sql::analysis& found) {
  if (one.text.size() > terms.max_statement_bytes)
    return "it is larger than spool.max_statement_bytes allows";
  if (!one.parameters.empty()) return "values are bound to it";
  found.analyze(one.text, dialect_of(one.context, terms.dialect));
  const auto& write = found.first();
  if (!found.single() || !write.is_write()) return "this is no plain write (INSERT, REPLACE, UPDATE, DELETE)";
  if (sql::has(write.traits, sql::trait::returning)) return "RETURNING";
  const auto knows = [&one](std::string_view name) {
    return std::ranges::any_of(one.user_variables, [&](const spool::user_variable& known) {
      return boost::algorithm::iequals(known.name, sql::name{name}.unquoted());
    });
  };
  auto why = why_not_spoolable(write, {one.context.database, one.context.character_set_client,
                                       one.last_insert_id.has_value(), false, knows});
  if (why.empty()) why = why_not_variables(one);
  if (why.empty() && is_ruled_out(terms, of, one, write)) why = ruled_out;
  if (why.empty()) one.tables = tables_of(write, one.context.database, true);
  return why;
}

} // namespace

std::optional<import_refusal> check_import(spool::unit& what, const import_terms& terms,
                                           std::chrono::microseconds now) {
  if (std::ranges::find(terms.accounts, what.account) == terms.accounts.end())
    return import_refusal{0, fmt::format("the account '{}' is not configured here, so replay could not log "
                                         "in as it",
                                         what.account)};
  if (what.statements.size() > terms.max_transaction_statements)
    return import_refusal{0, "the transaction has more statements than spool.max_transaction_statements"};
  std::uint64_t bytes = 0;
  sql::analysis found;
  for (std::size_t i = 0; i < what.statements.size(); ++i) {
    auto& one = what.statements[i];
    if (auto why = why_not(terms, what, one, found); !why.empty()) return import_refusal{i, std::move(why)};
    bytes += one.text.size();
    if (what.statements.size() > 1 && bytes > terms.max_transaction_bytes)
      return import_refusal{i, "the transaction is larger than spool.max_transaction_bytes allows"};
    if (one.timestamp.count() <= 0) one.timestamp = now;
  }
  what.accepted_at = now;
  return std::nullopt;
}

} // namespace holdwater::proxy
