// What the simulated server keeps: a log of commits, from which everything else follows, rows' locks, and the
// ledger.
//
// Invariant: whatever is in log() was committed, in that order; what a restart as a lagging copy forgets is a
// tail of it.
#pragma once

#include "tests/sim/machine.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace holdwater::sim {

// The settings under which a write ran, as its client would have had them.
struct write_context {
  std::string time_zone, sql_mode, names; // names: character_set_client and the connection's collation
  std::string variable;                   // @x

  friend bool operator==(const write_context&, const write_context&) = default;
};

struct write_record {
  std::string tag;    // which write of which client: "3.17"
  std::string digest; // its text and bound values, byte for byte
  std::string schema; // of the table it wrote to
  std::string table;
  write_context context;
  std::string account;
  moment when = 0;             // what NOW() said
  std::uint64_t insert_id = 0; // the id that its row got
  std::uint64_t counter = 0;   // the row's lock it took, for counters
};

struct ledger_values {
  std::uint64_t applied = 0, epoch = 0;
};

struct commit_record {
  std::vector<write_record> writes;
  std::map<std::string, ledger_values> ledger; // rows written
  std::set<std::uint64_t> ids;                 // of `orders`
};

class database {
 public:
  [[nodiscard]] const std::vector<commit_record>& log() const { return log_; }
  void commit(commit_record what);
  void forget_tail(std::size_t commits); // as a copy that lags
  void forget_ledger_row(const std::string& spool);
  void put_ledger_row(const std::string& spool, ledger_values row) { ledger_[spool] = row; }

  [[nodiscard]] const std::map<std::string, ledger_values>& ledger() const { return ledger_; }
  [[nodiscard]] const std::set<std::uint64_t>& ids() const { return ids_; }
  [[nodiscard]] std::uint64_t counter(std::uint64_t id) const;
  [[nodiscard]] std::uint64_t rows_of(const std::string& client) const;

  std::uint64_t next_id = 1; // of orders
  bool ledger_table = false;

 private:
  void add(const commit_record& what);

  std::vector<commit_record> log_;
  std::map<std::string, ledger_values> ledger_;
  std::set<std::uint64_t> ids_;
  std::map<std::uint64_t, std::uint64_t> counters_;
  std::map<std::string, std::uint64_t> rows_;
};

} // namespace holdwater::sim
