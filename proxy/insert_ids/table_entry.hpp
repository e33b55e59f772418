// What is remembered of one table: its definition, its ids, and how the last attempt to reserve some went.
#pragma once

#include "proxy/insert_ids/id_range.hpp"
#include "proxy/insert_ids/table_facts.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace holdwater::proxy {

struct table_entry {
  // On the disk.
  table_facts facts;
  bool seen = false;      // a client inserted into it
  std::uint64_t used = 0; // no id up to here may be handed out again: it may wait in the spool
  std::uint64_t full =
      0;              // how many ids a full block has where the type is too small for the wanted ones; else 0
  bool stale = false; // the server may have lost the jump: the ranges are to be replaced, and not used
  std::vector<id_range> ranges; // in the order in which they are used up

  // In memory.
  std::uint64_t checked_at = 0; // the server's counter when the ranges were last looked for rows of others
  std::string trouble;          // why the last attempt failed
  std::chrono::steady_clock::time_point retry_at;
  std::chrono::seconds retry_after{0};

  [[nodiscard]] std::uint64_t ceiling() const; // no new range may begin at or below it
};

inline std::uint64_t table_entry::ceiling() const {
  return used > highest_id(ranges) ? used : highest_id(ranges);
}

} // namespace holdwater::proxy
