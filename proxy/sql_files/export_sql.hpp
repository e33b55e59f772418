// Queued units as a text of SQL, which a person can read, and give to the mysql client; unit_reader.hpp reads
// it again.
//
// Invariant: each statement has what it needs to mean what it meant: its SETs stand before it, where they
// differ from those of the statement before, and the values that were bound to it stand in its text. What
// triggers may read is what replay gives them: all user variables of the statement are said, those of the one
// before that it has not are NULL, and a unit's LAST_INSERT_ID() is its own or 0.
#pragma once

#include "spool/unit.hpp"

#include <optional>
#include <string>
#include <vector>

namespace holdwater::proxy {

class sql_export {
 public:
  explicit sql_export(std::string spool_id) : spool_id_(std::move(spool_id)) {}

  // What stands above it all.
  [[nodiscard]] static std::string head(const std::string& spool_id, const std::string& ledger_table);

  // The unit's text; in order.
  [[nodiscard]] std::string unit(const spool::unit& one);
  // What comes is behind this one, which another text holds.
  void follow(const spool::unit& before);

 private:
  std::string spool_id_;
  std::optional<spool::statement_context> context_; // of the statement before
  std::vector<spool::session_setting> settings_;    // likewise, and of the part before
  std::vector<std::string> variables_;              // likewise: those that are not NULL
  bool id_left_ = false;                            // LAST_INSERT_ID() may not be 0

  [[nodiscard]] std::string statement(const spool::statement& one, bool is_first);
  [[nodiscard]] std::string clear_variables(const spool::statement& next) const;
  void note(const spool::statement& one, bool is_first);
};

} // namespace holdwater::proxy
