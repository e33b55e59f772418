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
  case sql::kind::ddl:
  case sql::kind::call:
  case sql::kind::execute:
  case sql::kind::load_data:
  case sql::kind::xa:
  case sql::kind::unknown:
    any = true;
    only_adds = false;
    return;
  default: only_adds = only_adds && !any; return;
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
