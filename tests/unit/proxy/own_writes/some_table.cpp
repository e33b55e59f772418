#include "tests/unit/proxy/own_writes/some_table.hpp"

#include "protocol/column_types.hpp"

using namespace holdwater;
using namespace holdwater::proxy;
namespace wire = holdwater::protocol::wire;

using family = column_type::family;

column_type integer_column(std::string_view name, unsigned bytes, bool is_unsigned) {
  column_type one;
  one.name = name;
  one.what = family::integer;
  one.bytes = static_cast<std::uint8_t>(bytes);
  one.is_unsigned = is_unsigned;
  one.wire_type = bytes == 1   ? wire::type_tiny
                  : bytes == 2 ? wire::type_short
                  : bytes == 3 ? wire::type_int24
                  : bytes == 4 ? wire::type_long
                               : wire::type_longlong;
  return one;
}

column_type text_column(std::string_view name, unsigned longest) {
  column_type one;
  one.name = name;
  one.what = family::characters;
  one.wire_type = wire::type_var_string;
  one.longest = longest;
  one.most_bytes = longest * 4;
  one.character_set = "utf8mb4";
  one.nullable = true;
  one.without = column_type::otherwise::null;
  return one;
}

table_type some_table() {
  table_type t;
  t.name = {"app", "t"};
  t.version = 7;
  t.key = {0};
  t.columns.push_back(integer_column("id", 4));
  t.columns.push_back(integer_column("n", 2, true));
  t.columns.back().nullable = true;
  t.columns.back().without = column_type::otherwise::constant;
  t.columns.back().constant = "3";
  t.columns.push_back(text_column("s", 5));
  column_type decimal;
  decimal.name = "d";
  decimal.what = family::decimal;
  decimal.wire_type = wire::type_newdecimal;
  decimal.digits = 5;
  decimal.scale = 2;
  decimal.nullable = true;
  decimal.without = column_type::otherwise::null;
  t.columns.push_back(decimal);
  column_type at;
  at.name = "at";
  at.what = family::datetime;
  at.wire_type = wire::type_datetime;
  at.scale = 3;
  at.nullable = at.follows_now = at.takes_now = true;
  at.without = column_type::otherwise::not_foretold;
  t.columns.push_back(at);
  column_type real;
  real.name = "f";
  real.nullable = true;
  real.without = column_type::otherwise::null;
  t.columns.push_back(real);
  return t;
}

spool::statement_context plain_context() {
  spool::statement_context out;
  out.database = "app";
  out.sql_mode = "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES";
  out.character_set_client = out.character_set_results = "utf8mb4";
  out.collation_connection = "utf8mb4_general_ci";
  return out;
}

std::string shown(const cell& one) {
  switch (one.what) {
  case cell::state::known: return one.value.value_or("NULL");
  case cell::state::untold: return "untold";
  case cell::state::doubtful: return "doubtful";
  }
  return {};
}
