// Queued units as a text of SQL, which a person can read, and give to the mysql client; unit_reader.hpp reads
// it again.
//
// Invariant: each statement has what it needs to mean what it meant: its SETs stand before it, where they
// differ from those of the statement before, and the values that were bound to it stand in its text.
#pragma once

#include "spool/unit.hpp"

#include <optional>
#include <string>

namespace holdwater::proxy {

class sql_export {
 public:
  explicit sql_export(std::string spool_id) : spool_id_(std::move(spool_id)) {}

  // What stands above it all.
  [[nodiscard]] static std::string head(const std::string& spool_id, const std::string& ledger_table);

  // The unit's text; in order.
  [[nodiscard]] std::string unit(const spool::unit& one);

 private:
  std::string spool_id_;
  std::optional<spool::statement_context> context_; // of the statement before

  [[nodiscard]] std::string statement(const spool::statement& one);
};

} // namespace holdwater::proxy
