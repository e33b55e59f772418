// Of which tables it is known that what is written is what is there: no trigger writes besides, no column
// makes its own value, no foreign key lets another table's write change theirs, and each type stores what it
// is given. As of the last look at the server; in memory only.
#pragma once

#include "spool/mysql_connection.hpp"

#include <cstdint>
#include <mutex>
#include <set>
#include <string>

namespace holdwater::proxy {

class plain_tables {
 public:
  [[nodiscard]] bool has(const std::string& schema, const std::string& table) const;

  // A definition has changed: nothing is known until it was looked at again.
  void forget();
  // What the look that began at `version` has found. Not taken when something was forgotten since.
  void replace(std::uint64_t version, std::string schema, std::set<std::string> tables);
  [[nodiscard]] std::uint64_t version() const;

 private:
  mutable std::mutex mutex_;
  std::uint64_t version_ = 0;
  std::string schema_;
  std::set<std::string> tables_; // as the server spells them
};

// Those of the schema. None where the account could not see a trigger (it needs the TRIGGER right on the
// schema, of its own, not by a role).
[[nodiscard]] spool::server_result<std::set<std::string>> read_plain_tables(spool::mysql_connection& server,
                                                                            const std::string& schema);

} // namespace holdwater::proxy
