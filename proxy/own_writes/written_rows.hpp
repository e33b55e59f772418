// What the units that wait in the spool do to rows, by table, in their order: so that a read in the outage
// can show its row as it was written here. In memory only: of units from before the start nothing is known.
//
// Invariant: what on() gives is all that the units asked about do to the table, in the order of their seqs;
// of seqs from first_ to last_ everything is known.
#pragma once

#include "proxy/own_writes/row_write.hpp"
#include "spool/unit.hpp"

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace holdwater::proxy {

using row_writes = std::vector<std::shared_ptr<const row_write>>;

class written_rows {
 public:
  explicit written_rows(std::size_t most_bytes = std::size_t{32} << 20) : most_bytes_(most_bytes) {}

  // A unit is durable. Called in the order of the seqs; a gap is a unit of which nothing is known.
  void add(spool::seq number, std::vector<row_write> what);
  // By the units behind `after`, up to `last`. Nothing: not all of it is known.
  [[nodiscard]] std::optional<row_writes> on(const spool::table_name& table, spool::seq after,
                                             spool::seq last);

 private:
  using entry = std::pair<spool::seq, std::shared_ptr<const row_write>>;
  void begin_anew(spool::seq first);
  void drop_settled(spool::seq after);

  std::mutex mutex_;
  std::size_t most_bytes_;
  std::size_t bytes_ = 0;
  spool::seq first_ = 1;
  spool::seq last_ = 0;
  std::unordered_map<std::string, std::vector<entry>> by_table_; // names in lower case
};

} // namespace holdwater::proxy
