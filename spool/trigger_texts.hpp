// Which triggers, and writes through which views, may reach a table without transactions, as far as the texts
// tell.
//
// Such rows stay after a ROLLBACK, so a unit that fires the trigger must run alone, as one on such a table
// does. Only a server that has such a table is asked for texts. A name counts wherever it stands as a word,
// also where the table is only read or something else has that name: all that costs is running alone.
#pragma once

#include "spool/mysql_connection.hpp"

#include <array>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::spool {

struct table_facts {
  bool transactional = false;       // itself; a view is, and its text tells what it is of
  bool counts_transactions = false; // MariaDB's versions by transaction: one transaction makes one of a row
  std::vector<std::optional<std::string>> texts; // of its triggers, and its own, of a view
};
[[nodiscard]] std::string look_up_table(const table_name& name);
[[nodiscard]] table_facts told_of_table(const std::vector<result_row>& rows); // its answer

// Names of user tables without transactions, a row each.
[[nodiscard]] std::string look_up_lasting_tables();
// Name and text of all that a trigger's text can name and that has one of its own: tables with triggers,
// routines, views. A text that the account may not see is NULL or empty.
[[nodiscard]] std::array<std::string, 3> look_up_texts();

// Words, in small letters, that lead to a table without transactions.
using lasting_words = std::set<std::string, std::less<>>;
[[nodiscard]] lasting_words words_that_last(const std::vector<result_row>& tables,
                                            const std::vector<result_row>& texts);
// Whether a trigger's text, or one that is not to be seen, has one of them.
[[nodiscard]] bool may_last(const std::optional<std::string>& text, const lasting_words& words);

} // namespace holdwater::spool
