// What must be known of a table to say which id an INSERT into it gets.
#pragma once

#include "spool/unit.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace holdwater::proxy {

struct table_facts {
  spool::table_name name;     // as the server spells it
  std::string engine;         // "InnoDB"; empty for a view
  std::string created;        // CREATE_TIME: it moves when the table is truncated or made anew
  std::string column;         // the AUTO_INCREMENT column, empty for none
  std::string column_type;    // "int(10) unsigned"
  std::uint64_t position = 0; // from 0, among the columns that a statement without a column list fills
  bool hidden = false;        // an invisible column: a statement without a column list does not fill it
  std::uint64_t counter =
      0; // the next id as the server told it when asked; 0 for unknown. Not kept on the disk

  [[nodiscard]] bool base_table() const { return !engine.empty(); }
  [[nodiscard]] bool makes_ids() const { return !column.empty(); }
  // The same definition, as far as ids go.
  [[nodiscard]] bool same_definition(const table_facts& other) const;
};

// The highest value of an integer column type; 0 for a type that ids are not reserved for.
[[nodiscard]] std::uint64_t largest_id(std::string_view column_type);

// Why no ids can be reserved for the table, or nothing.
[[nodiscard]] std::string obstacle(const table_facts& facts);

// `shop`.`orders`
[[nodiscard]] std::string quoted(const spool::table_name& name);
[[nodiscard]] std::string quoted(std::string_view name);

// The name to look a table up by: on a server with lower_case_table_names, in lower case. Beyond ASCII it
// compares bytes: a name that the server would fold is then not found, and so refused.
[[nodiscard]] spool::table_name lookup_name(std::string_view schema, std::string_view table, bool folded);

// As the server compares column names; `doubtful` when letters beyond ASCII may make them the same.
enum class name_match : std::uint8_t { same, different, doubtful };
[[nodiscard]] name_match compare_columns(std::string_view left, std::string_view right);

} // namespace holdwater::proxy
