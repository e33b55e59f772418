// What the pending writes make of single rows, in the order in which they will be applied. Not thread-safe;
// its owner locks.
//
// Invariant: of a row that find() calls untouched no unit that was added changes anything; of one that it
// tells of, all units that were added are in what it tells.
#pragma once

#include "proxy/own_writes/write_effects.hpp"
#include "spool/unit.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace holdwater::proxy {

struct pending_row {
  enum class state : std::uint8_t {
    untouched,
    changed, // cells: what is known of its columns; the rest is as it was before
    whole,   // cells: one for each column
    erased,  // it is not there
    unclear,
  };
  state what = state::untouched;
  bool first = false;  // whole: it was made where nothing is known to have been before
  spool::seq last = 0; // the unit that changed it last
  std::vector<std::pair<std::size_t, cell>> cells;
};

class pending_rows {
 public:
  explicit pending_rows(std::uint64_t most_bytes) : most_bytes_(most_bytes) {}

  void add(spool::seq number, const write_effects& effects);
  void clear();

  // `version`: of the table's type now. One of another than a write was understood by: unclear.
  [[nodiscard]] pending_row find(const spool::table_name& table, std::uint64_t version,
                                 const std::string& key) const;
  [[nodiscard]] bool empty() const { return !everything_unclear_ && tables_.empty(); }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  struct table_rows {
    std::uint64_t version = 0;
    bool all_unclear = false;
    std::uint64_t bytes = 0;
    std::unordered_map<std::string, pending_row> rows;
  };

  // False: the server will refuse it, or may: a row is there already, as far as is known.
  [[nodiscard]] bool add_to_table(spool::seq number, const table_effect& effect);
  [[nodiscard]] static bool apply(pending_row& to, const row_effect& effect);
  void doubt_rows(const write_effects& effects);
  void lose_rows(table_rows& table);

  std::uint64_t most_bytes_;
  std::uint64_t bytes_ = 0;
  bool everything_unclear_ = false;
  std::unordered_map<std::string, table_rows> tables_;
};

} // namespace holdwater::proxy
