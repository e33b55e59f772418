// Which triggers, and writes through which views, may reach a table without transactions, as far as the texts
// tell.
//
// Such rows stay after a ROLLBACK, so a unit that fires the trigger must run alone, as one on such a table
// does. Only a server that has such a table is asked for texts. In a trigger a name counts wherever it stands
// as a word, also where the table is only read or something else has that name; but not as a column of NEW or
// OLD. Of a view each table has to be seen and to roll back.
#pragma once

#include "spool/mysql_connection.hpp"

#include <array>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::spool {

struct table_facts {
  bool transactional = false;       // itself; a view is what its text is of
  bool counts_transactions = false; // MariaDB's versions by transaction: one transaction makes one of a row
  std::vector<std::optional<std::string>> triggers; // their texts
  std::optional<std::optional<std::string>> view;   // its text, of one
};
[[nodiscard]] std::string look_up_table(const table_name& name);
[[nodiscard]] table_facts told_of_table(const std::vector<result_row>& rows); // its answer

// The tables that a view is of, out of its text as the servers tell it: each behind FROM or JOIN, in
// backticks, with its schema. Nothing: not all of them are told. Source: MySQL, MariaDB
// "INFORMATION_SCHEMA VIEWS".
[[nodiscard]] std::optional<std::vector<table_name>> tables_of_view(const std::optional<std::string>& text);

// Name, NULL and schema of user tables: of those without transactions, and of those that count them.
[[nodiscard]] std::string look_up_lasting_tables();
[[nodiscard]] std::string look_up_counting_tables();
// Name, text and schema of all that a trigger's text can name and that has one of its own: tables with
// triggers, routines, views. A text that the account may not see is NULL or empty.
[[nodiscard]] std::array<std::string, 3> look_up_texts();

// Words, in small letters, that lead to one of these tables.
using lasting_words = std::set<std::string, std::less<>>;
[[nodiscard]] lasting_words words_that_last(const std::vector<result_row>& tables,
                                            const std::vector<result_row>& texts);
// Whether a trigger's text, or one that is not to be seen, has one of them.
[[nodiscard]] bool may_last(const std::optional<std::string>& text, const lasting_words& words);
// Whether a view's text calls one of them: of the tables it names tables_of_view() tells.
[[nodiscard]] bool may_last_by_call(const std::optional<std::string>& text, const lasting_words& words);

// Whether a trigger or a routine chooses the number of an error: a row if so.
[[nodiscard]] std::string look_up_chosen_numbers();

} // namespace holdwater::spool
