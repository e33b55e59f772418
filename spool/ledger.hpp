// The ledger's table and this spool's row in it, as SQL.
//
// Invariant: the texts are ASCII but for the table's name and quote nothing that a sql_mode could change, so
// they may be sent between units whatever state those left behind.
#pragma once

#include "spool/unit.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace holdwater::spool {

struct ledger_row {
  seq applied = 0;
  std::uint64_t epoch = 0; // of the owner
};

class ledger {
 public:
  // `table` is "name" in `database`, or "schema.name".
  ledger(std::string_view database, std::string_view table, std::string spool_id);

  [[nodiscard]] bool named() const { return !schema_.empty(); } // false: no database to put it in
  [[nodiscard]] const std::string& full_name() const { return name_; }

  [[nodiscard]] std::string create() const;
  [[nodiscard]] std::string
  look_up_engine() const; // one row: engine, in capitals or not; none: no such table
  [[nodiscard]] std::string insert() const;
  [[nodiscard]] std::string read_locked() const; // applied_seq, owner_epoch
  [[nodiscard]] std::string move_to(seq applied) const;
  [[nodiscard]] std::string take_over(std::uint64_t epoch) const;

 private:
  [[nodiscard]] std::string where() const;

  std::string schema_;
  std::string table_;
  std::string name_; // quoted
  std::string spool_id_;
};

} // namespace holdwater::spool
