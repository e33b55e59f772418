// Whether a unit that comes from a file is one that a client could have queued here: the same questions that
// a session asks of a write in an outage.
//
// Invariant: what passes runs under an account that Holdwater knows, says nothing that only the session that
// wrote it could have known, and holds no text that replay would send as anything but what was looked at.
#pragma once

#include "protocol/sql/analysis.hpp"
#include "proxy/config/options.hpp"
#include "spool/unit.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace holdwater::proxy {

struct import_terms {
  std::vector<std::string> accounts; // that replay can log in as
  protocol::sql::dialect dialect;    // the server's, without what a session sets
  std::vector<rule> rules;
  std::uint64_t max_statement_bytes = 0;
  std::uint64_t max_transaction_bytes = 0;
  std::uint64_t max_transaction_statements = 0;
};

struct import_refusal {
  std::size_t statement = 0; // of the unit, from 0 on
  std::string why;           // without a value
};

// Fills in what the file does not say: the tables, when it was accepted, and the time of statements without
// one. Nothing: it may be queued.
[[nodiscard]] std::optional<import_refusal> check_import(spool::unit& what, const import_terms& terms,
                                                         std::chrono::microseconds now);

} // namespace holdwater::proxy
