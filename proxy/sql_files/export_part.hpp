// A part of the queue as SQL, as it goes over the HTTP port.
//
// Invariant: what it holds in memory is bounded by `most_bytes`, and one unit more.
#pragma once

#include "spool/spool.hpp"

#include <cstddef>
#include <string>

namespace holdwater::proxy {

struct export_question {
  spool::seq after = 0; // 0: from the beginning, with the head
  std::size_t most_units = 0;
  std::size_t most_bytes = 16 << 20; // of SQL; the unit that passes it is the last
};

struct export_part {
  std::string sql;
  std::uint64_t units = 0;
  spool::seq last = 0; // of them; of none: `after`
};

[[nodiscard]] spool::result<export_part> read_export_part(spool::spool& queue, const export_question& what,
                                                          const std::string& ledger_table);

} // namespace holdwater::proxy
