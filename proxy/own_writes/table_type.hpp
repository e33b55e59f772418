// What must be known of a table to tell what a row becomes when a write is applied.
//
// Invariant: a table of which there is a table_type has no triggers and is no view, and no foreign key leads
// from what is written to it to a table with triggers: a write to it changes that table alone, and tables
// with a foreign key of CASCADE or SET NULL, which are not `followed`.
#pragma once

#include "spool/unit.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::proxy {

struct column_type {
  enum class family : std::uint8_t {
    integer,
    decimal,
    characters, // CHAR, VARCHAR, TEXT
    date,
    datetime,
    opaque, // what a value becomes in it is not foretold
  };
  enum class otherwise : std::uint8_t { nothing, constant, null, not_foretold }; // when no value is given

  std::string name; // in lower case
  family what = family::opaque;
  std::uint8_t wire_type = 0;   // MYSQL_TYPE_... in a result
  std::uint8_t bytes = 0;       // of an integer
  bool is_unsigned = false;     //
  unsigned digits = 0;          // of a decimal, all of them
  unsigned scale = 0;           // behind its point; of a datetime's seconds
  std::uint64_t longest = 0;    // of characters: how many ...
  std::uint64_t most_bytes = 0; // ... and their bytes
  bool padded = false;          // CHAR: blanks at the end are not kept
  std::string character_set;
  bool nullable = false;
  bool makes_id = false;    // AUTO_INCREMENT
  bool follows_now = false; // ON UPDATE CURRENT_TIMESTAMP
  bool takes_now = false;   // NOW() may be given to it
  otherwise without = otherwise::nothing;
  std::string constant;

  friend bool operator==(const column_type&, const column_type&) = default;
};

struct table_type {
  spool::table_name name;
  std::vector<column_type> columns; // in the table's order
  std::vector<std::size_t> key;     // the primary key's, all of them integers; empty: not followed
  std::uint64_t version = 0;        // of all that the server says of columns and indexes; never 0

  [[nodiscard]] bool followed() const { return !key.empty(); }
  // ASCII letters of either case are the same.
  [[nodiscard]] std::optional<std::size_t> find(std::string_view column) const;

  friend bool operator==(const table_type&, const table_type&) = default;
};

} // namespace holdwater::proxy
