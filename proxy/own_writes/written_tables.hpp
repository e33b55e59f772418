// Which tables a command writes that the server carries out: an answer that was kept before is not what an
// UPDATE in an outage builds on.
#pragma once

#include "protocol/sql/analysis.hpp"

#include <cstdint>
#include <string_view>

namespace holdwater::proxy {

struct written_tables {
  std::uint64_t first = 0, second = 0; // hashes of their names, 0: none
  bool any = false;                    // perhaps others
  bool only_adds = true;               // rows that are there stay as they are

  [[nodiscard]] bool some() const { return first != 0 || any; }
  // `database`: the default one.
  void add(const protocol::sql::statement& one, std::string_view database);
  [[nodiscard]] static std::uint64_t hash_of(std::string_view schema, std::string_view table);
};

} // namespace holdwater::proxy
