#include "proxy/own_writes/row_write.hpp"

#include "protocol/stored_rows.hpp"
#include "spool/byte_codec.hpp"

#include <iterator>

namespace holdwater::proxy {

namespace sql = protocol::sql;
namespace type = protocol::column_type;

namespace {

using value_kind = sql::plain_value::kind;

sql::plain_value integer_of(std::string_view bytes, std::size_t width, bool is_unsigned) {
  if (bytes.size() != width) return {};
  const auto value = spool::little_endian(bytes, 0, width);
  if (is_unsigned) return {value_kind::integer, std::to_string(value)};
  const auto unused = 64 - 8 * static_cast<unsigned>(width);
  return {value_kind::integer, std::to_string(static_cast<std::int64_t>(value << unused) >> unused)};
}

// As the server that it is for reads it.
sql::dialect dialect_of(const spool::statement_context& context, const protocol::server_version& server) {
  sql::dialect how;
  how.mariadb = server.mariadb;
  how.version = server.number;
  sql::apply_sql_mode(how, context.sql_mode);
  how.client_charset = sql::charset_class(context.character_set_client);
  return how;
}

// The text writes one table, and nothing hangs on what is there.
bool is_plain_write(const sql::analysis& found) {
  const auto& first = found.first();
  constexpr auto more = sql::trait::multi_table | sql::trait::upsert | sql::trait::select_source |
                        sql::trait::returning | sql::trait::partial;
  return found.single() && first.is_write() && first.kind != sql::kind::replace && first.tables.size() == 1 &&
         !sql::has(first.traits, more);
}

} // namespace

sql::plain_value plain_value_of(std::uint8_t of, bool is_unsigned, std::optional<std::string_view> bytes) {
  if (!bytes) return {value_kind::null, {}};
  switch (of) {
  case type::tiny: return integer_of(*bytes, 1, is_unsigned);
  case type::short_: return integer_of(*bytes, 2, is_unsigned);
  case type::long_:
  case type::int24: return integer_of(*bytes, 4, is_unsigned);
  case type::longlong: return integer_of(*bytes, 8, is_unsigned);
  case type::varchar:
  case type::var_string:
  case type::string:
  case type::blob: return {value_kind::text, std::string(*bytes)};
  default: return {};
  }
}

std::vector<row_write> row_writes_of(const spool::statement& one, const protocol::server_version& server) {
  std::vector<row_write> out;
  for (const auto& table : one.tables) out.push_back({table, {}, 0, 1});
  const auto how = dialect_of(one.context, server);
  sql::analysis found;
  found.analyze(one.text, how);
  const bool empty_is_null = one.context.sql_mode.find("EMPTY_STRING_IS_NULL") != std::string::npos;
  if (out.size() != 1 || empty_is_null || !is_plain_write(found)) return out;
  std::vector<sql::plain_value> bound;
  for (const auto& each : one.parameters)
    bound.push_back(plain_value_of(each.type, each.is_unsigned,
                                   each.value ? std::optional<std::string_view>(*each.value) : std::nullopt));
  auto& only = out.front();
  only.what = sql::read_point_write(one.text, how, bound);
  only.insert_id = one.insert_id.value_or(0);
  only.increment = one.context.auto_increment_increment;
  return out;
}

std::vector<row_write> row_writes_of(const spool::unit& one, const protocol::server_version& server) {
  std::vector<row_write> out;
  for (const auto& statement : one.statements) {
    auto more = row_writes_of(statement, server);
    out.insert(out.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
  return out;
}

} // namespace holdwater::proxy
