// How many ids the server would make for an INSERT or REPLACE.
#pragma once

#include "protocol/sql/analysis.hpp"
#include "proxy/insert_ids/table_facts.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace holdwater::proxy {

struct id_need {
  enum class answer : std::uint8_t {
    none,    // the server makes no id
    rows,    // one for each of `rows`
    unknown, // it cannot be told; `reason` says why
  };
  answer what = answer::unknown;
  std::uint64_t rows = 0;
  std::string reason;
};

// `facts` is a base table's. A mixture of given and generated ids counts as unknown: the insert id of the OK
// and the ids of the later rows would depend on the server's counter.
[[nodiscard]] id_need ids_needed(const table_facts& facts, std::string_view text,
                                 const protocol::sql::statement& one, const protocol::sql::dialect& how);

} // namespace holdwater::proxy
