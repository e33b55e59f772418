#include "proxy/own_writes/written_tables.hpp"

#include "protocol/fnv1a.hpp"

#include <algorithm>

namespace holdwater::proxy {

namespace sql = protocol::sql;

std::uint64_t written_tables::hash_of(std::string_view schema, std::string_view table) {
  protocol::fnv1a hash;
  hash.add(schema);
  hash.add(std::string_view("\0", 1));
  hash.add(table);
  return std::max<std::uint64_t>(hash.value(), 1);
}

void written_tables::add(const sql::statement& one, std::string_view database) {
  const auto plain = [](const sql::name& name) {
    return !name.raw.empty() && name.raw.front() != '`' && name.raw.front() != '"';
  };
  if (has(one.traits, sql::trait::unknown_function)) any = true; // which may write
  switch (one.kind) {
  case sql::kind::insert:
    only_adds = only_adds && !has(one.traits, sql::trait::upsert) && !one.insert.on_duplicate;
    break;
  case sql::kind::replace:
  case sql::kind::update:
  case sql::kind::erase: only_adds = false; break;
  case sql::kind::empty:
  case sql::kind::select:
  case sql::kind::show:
  case sql::kind::use:
  case sql::kind::begin:
  case sql::kind::commit:
  case sql::kind::rollback:
  case sql::kind::savepoint:
  case sql::kind::rollback_to_savepoint:
  case sql::kind::release_savepoint:
  case sql::kind::prepare:
  case sql::kind::deallocate:
  case sql::kind::lock_tables:
  case sql::kind::unlock_tables:
  case sql::kind::handler:
  case sql::kind::do_:
  case sql::kind::kill: only_adds = only_adds && !any; return;
  case sql::kind::set: { // MariaDB: SET STATEMENT ... FOR any statement
    const auto is_other = [](const auto& each) { return each.where == sql::assignment::target::other; };
    any = any || std::any_of(one.assignments.begin(), one.assignments.end(), is_other);
    only_adds = only_adds && !any;
    return;
  }
  default: // whatever it is
    any = true;
    only_adds = false;
    return;
  }
  only_adds = only_adds && !any;
  for (const auto& table : one.tables) {
    if (!table.written) continue;
    const auto quoted_schema = plain(table.schema) ? std::string() : table.schema.unquoted();
    const auto schema = table.schema.empty()  ? database
                        : plain(table.schema) ? table.schema.raw
                                              : quoted_schema;
    const auto hash =
        plain(table.table) ? hash_of(schema, table.table.raw) : hash_of(schema, table.table.unquoted());
    if (first == 0 || first == hash)
      first = hash;
    else if (second == 0 || second == hash)
      second = hash;
    else
      any = true;
  }
  if (first == 0) any = true;
  if (any) only_adds = false;
}

} // namespace holdwater::proxy
