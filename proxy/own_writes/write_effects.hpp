// What a queued write will change, as far as that is known before it is applied: rows by their primary key,
// or "something in this table", or "something somewhere".
//
// Invariant: what is not certain is said to be so; a row of which nothing is said is not changed by the
// write.
#pragma once

#include "protocol/sql/analysis.hpp"
#include "protocol/sql/point_statements.hpp"
#include "proxy/own_writes/stored_value.hpp"
#include "proxy/own_writes/table_type.hpp"
#include "spool/unit.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace holdwater::proxy {

struct row_effect {
  enum class kind : std::uint8_t {
    made,    // cells: one for each column, in the table's order
    changed, // cells: of the columns that are given a value
    erased,
    unclear, // it may become anything
  };
  kind what = kind::unclear;
  std::string key; // see row_key()
  std::vector<std::pair<std::size_t, cell>> cells;
};

struct table_effect {
  spool::table_name table;
  std::uint64_t version = 0; // of its type
  bool all_unclear = false;  // any of its rows may become anything
  std::vector<row_effect> rows;
};

struct write_effects {
  bool everything_unclear = false;  // any row of any table
  std::vector<table_effect> tables; // in the order in which they happen
};

// The key's values, in the order of the primary key, each in its one form.
[[nodiscard]] std::string row_key(const std::vector<std::string>& values);

// That key, of conditions that name the primary key and nothing else. Precondition: no placeholders
// are left in them.
[[nodiscard]] std::optional<std::string> sought_key(const std::vector<protocol::sql::column_value>& where,
                                                    const table_type& type);

using table_type_ptr = std::shared_ptr<const table_type>;
using find_type = std::function<table_type_ptr(const spool::table_name&)>; // null: not known

// Of one queued statement, beside `out`. `server`: how the server reads a text, its sql_mode aside.
void add_effects(const spool::statement& one, const protocol::sql::dialect& server, const find_type& find,
                 write_effects& out);

} // namespace holdwater::proxy
