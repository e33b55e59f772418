#include "spool/trigger_texts.hpp"
#include "spool/context_sql.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace holdwater::spool {
namespace {

constexpr std::string_view of_users = " NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')";

std::string in_small_letters(std::string text) {
  for (auto& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

bool is_of_a_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// The next word of the text, which begins behind it then; empty at the end.
std::string_view take_word(std::string_view& text) {
  const auto begin = std::find_if(text.begin(), text.end(), is_of_a_word);
  const auto end = std::find_if_not(begin, text.end(), is_of_a_word);
  const std::string_view word(begin, end);
  text = std::string_view(end, text.end());
  return word;
}

// Of `my log` the first: who names it says that, too.
std::string word_of(const result_row& named) {
  const auto name = in_small_letters(named.at(0).value_or(""));
  std::string_view rest = name;
  return std::string(take_word(rest));
}

} // namespace

std::string look_up_table(const table_name& name) {
  const auto schema = hex_literal(name.schema), table = hex_literal(name.table);
  return fmt::format(
      "SELECT IF(t.table_type = 'VIEW', 'YES', e.transactions), NULL FROM information_schema.tables t "
      "LEFT JOIN information_schema.engines e ON e.engine = t.engine WHERE t.table_schema = {0} AND "
      "t.table_name = {1} "
      "UNION ALL SELECT 'text', action_statement FROM information_schema.triggers "
      "WHERE event_object_schema = {0} AND event_object_table = {1} "
      "UNION ALL SELECT 'text', view_definition FROM information_schema.views "
      "WHERE table_schema = {0} AND table_name = {1} "
      "UNION ALL SELECT 'versions', NULL FROM information_schema.columns WHERE table_schema = {0} AND "
      "table_name = {1} AND generation_expression = 'ROW START' AND data_type = 'bigint'",
      schema, table);
}

table_facts told_of_table(const std::vector<result_row>& rows) {
  table_facts out;
  bool all = true, any = false;
  for (const auto& row : rows) {
    const auto what = row.at(0).value_or("");
    if (what == "text") {
      out.texts.push_back(row.at(1));
    } else if (what == "versions") {
      out.counts_transactions = true;
    } else {
      any = true;
      all = all && what == "YES";
    }
  }
  out.transactional = any && all;
  return out;
}

std::string look_up_lasting_tables() {
  return "SELECT t.table_name FROM information_schema.tables t "
         "JOIN information_schema.engines e ON e.engine = t.engine WHERE e.transactions <> 'YES' "
         "AND t.table_schema" +
         std::string(of_users);
}

std::array<std::string, 3> look_up_texts() {
  const std::string of(of_users);
  return {"SELECT event_object_table, action_statement FROM information_schema.triggers "
          "WHERE event_object_schema" +
              of,
          "SELECT routine_name, routine_definition FROM information_schema.routines WHERE routine_schema" +
              of,
          "SELECT table_name, view_definition FROM information_schema.views WHERE table_schema" + of};
}

// A procedure that the account may not even see is called by this word.
lasting_words words_that_last(const std::vector<result_row>& tables, const std::vector<result_row>& texts) {
  lasting_words words;
  if (tables.empty()) return words;
  words.insert("call");
  for (const auto& one : tables) words.insert(word_of(one));
  for (std::size_t known = 0; known != words.size();) {
    known = words.size();
    for (const auto& one : texts)
      if (may_last(one.at(1), words)) words.insert(word_of(one));
  }
  return words;
}

bool may_last(const std::optional<std::string>& text, const lasting_words& words) {
  if (words.empty()) return false;
  const auto all = in_small_letters(text.value_or(""));
  if (all.empty()) return true;
  std::string_view rest = all;
  for (auto word = take_word(rest); !word.empty(); word = take_word(rest))
    if (words.contains(word)) return true;
  return false;
}

} // namespace holdwater::spool
