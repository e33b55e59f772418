#include "spool/trigger_texts.hpp"
#include "spool/context_sql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

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

// Of `my log` the first: who names it says that, too. One without a word is taken whole.
std::string word_of(const result_row& named) {
  const auto name = in_small_letters(named.at(0).value_or(""));
  std::string_view rest = name;
  const auto word = take_word(rest);
  return word.empty() ? name : std::string(word);
}

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// What stands between two words, without blanks; behind the end of a line it may be another one's.
std::string between(std::string_view before, std::string_view behind) {
  std::string out;
  std::copy_if(before.data() + before.size(), behind.data(), std::back_inserter(out),
               [](char c) { return c != ' ' && c != '\t'; });
  return out;
}

bool is_row(std::string_view word) {
  return word == "new" || word == "old";
}

// A column of NEW or OLD; those are never quoted.
bool is_of_row(std::string_view before, std::string_view word) {
  if (!is_row(before)) return false;
  const auto dot = between(before, word);
  return dot == "." || dot == ".`";
}

bool is_called(std::string_view rest) {
  const auto at = std::find_if_not(rest.begin(), rest.end(), [](char c) { return c == '`' || is_space(c); });
  return at != rest.end() && *at == '(';
}

// Name, text, schema. In a schema that is called NEW or OLD all that is written like the row's columns
// counts.
void add(lasting_words& words, const result_row& named) {
  words.insert(word_of(named));
  const auto schema = in_small_letters(named.size() > 2 ? named[2].value_or("") : "");
  if (is_row(schema)) words.insert(schema);
}

bool has_wordless(std::string_view text, const lasting_words& words) {
  return std::ranges::any_of(words, [&](const auto& one) {
    return !one.empty() && std::ranges::none_of(one, is_of_a_word) && text.find(one) != text.npos;
  });
}

// A view's text, token by token.
class view_text {
 public:
  explicit view_text(std::string_view text) : rest_(text) {}

  std::optional<std::vector<table_name>> tables() {
    std::vector<table_name> found;
    bool expected = false; // one may be next
    while (skip_space(), !rest_.empty()) {
      const char c = rest_.front();
      if (c == '`') {
        const auto name = take_name();
        if (!name) return std::nullopt;
        if (expected) found.push_back(*name);
        expected = false;
      } else if (c == '\'' || c == '"') {
        if (!skip_quoted()) return std::nullopt;
        expected = false;
      } else if (const auto word = take_plain_word(); !word.empty()) {
        const bool of_text = word == "from" && !brackets_.empty() && brackets_.back();
        expected = !of_text && (word == "from" || word == "join" || word == "straight_join");
        takes_text_ = word == "extract" || word == "trim";
      } else {
        expected = expected && c == '('; // of joins in brackets
        if (c == '(') brackets_.push_back(std::exchange(takes_text_, false));
        if (c == ')' && !brackets_.empty()) brackets_.pop_back();
        rest_.remove_prefix(1);
      }
    }
    return found.empty() ? std::nullopt : std::optional(std::move(found));
  }

 private:
  void skip_space() {
    rest_.remove_prefix(static_cast<std::size_t>(
        std::find_if(rest_.begin(), rest_.end(), [](char c) { return c != ' ' && c != '\n'; }) -
        rest_.begin()));
  }

  std::string take_plain_word() {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(),
                                      [](char c) { return is_of_a_word(c) || (c >= 'A' && c <= 'Z'); });
    auto word = in_small_letters(std::string(rest_.begin(), end));
    rest_ = std::string_view(end, rest_.end());
    return word;
  }

  bool skip_quoted() {
    const char quote = rest_.front();
    for (std::size_t at = 1; at < rest_.size(); ++at) {
      if (rest_[at] == '\\') {
        ++at;
      } else if (rest_[at] == quote) { // a doubled one begins what follows
        rest_.remove_prefix(at + 1);
        return true;
      }
    }
    return false;
  }

  std::optional<std::string> take_part() {
    std::string part;
    for (std::size_t at = 1; at < rest_.size(); ++at) {
      if (rest_[at] == '`') {
        if (at + 1 >= rest_.size() || rest_[at + 1] != '`') {
          rest_.remove_prefix(at + 1);
          return part;
        }
        ++at;
      }
      part += rest_[at];
    }
    return std::nullopt;
  }

  // One without a schema is no table, as far as is known: of none that is seen, at least.
  std::optional<table_name> take_name() {
    auto first = take_part();
    if (!first) return std::nullopt;
    if (!rest_.starts_with(".`")) return table_name{{}, std::move(*first)};
    rest_.remove_prefix(1);
    auto second = take_part();
    if (!second) return std::nullopt;
    return table_name{std::move(*first), std::move(*second)};
  }

  std::string_view rest_;
  std::vector<bool> brackets_; // those that are open: whether of EXTRACT or TRIM, whose FROM is of no table
  bool takes_text_ = false;    // the next one is
};

} // namespace

std::string look_up_table(const table_name& name) {
  const auto schema = hex_literal(name.schema), table = hex_literal(name.table);
  return fmt::format(
      "SELECT IF(t.table_type = 'VIEW', 'view', e.transactions), NULL FROM information_schema.tables t "
      "LEFT JOIN information_schema.engines e ON e.engine = t.engine WHERE t.table_schema = {0} AND "
      "t.table_name = {1} "
      "UNION ALL SELECT 'trigger', action_statement FROM information_schema.triggers "
      "WHERE event_object_schema = {0} AND event_object_table = {1} "
      "UNION ALL SELECT 'is of', view_definition FROM information_schema.views "
      "WHERE table_schema = {0} AND table_name = {1} "
      "UNION ALL SELECT 'versions', NULL FROM information_schema.columns WHERE table_schema = {0} AND "
      "table_name = {1} AND generation_expression = 'ROW START' AND data_type = 'bigint'",
      schema, table);
}

table_facts told_of_table(const std::vector<result_row>& rows) {
  table_facts out;
  for (const auto& row : rows) {
    const auto what = row.at(0).value_or("");
    if (what == "trigger") {
      out.triggers.push_back(row.at(1));
    } else if (what == "is of") {
      if (!out.view || (row.at(1) && !row.at(1)->empty())) out.view = row.at(1);
    } else if (what == "versions") {
      out.counts_transactions = true;
    } else {
      out.transactional = what == "YES";
      if (what == "view" && !out.view) out.view.emplace();
    }
  }
  return out;
}

std::optional<std::vector<table_name>> tables_of_view(const std::optional<std::string>& text) {
  return view_text(text ? std::string_view(*text) : std::string_view()).tables();
}

std::string look_up_lasting_tables() {
  return "SELECT t.table_name, NULL, t.table_schema FROM information_schema.tables t "
         "JOIN information_schema.engines e ON e.engine = t.engine WHERE e.transactions <> 'YES' "
         "AND t.table_schema" +
         std::string(of_users);
}

std::string look_up_counting_tables() {
  return "SELECT table_name, NULL, table_schema FROM information_schema.columns WHERE generation_expression "
         "= 'ROW START' AND "
         "data_type = 'bigint' AND table_schema" +
         std::string(of_users);
}

std::array<std::string, 3> look_up_texts() {
  const std::string of(of_users);
  return {
      "SELECT event_object_table, action_statement, event_object_schema FROM information_schema.triggers "
      "WHERE event_object_schema" +
          of,
      "SELECT routine_name, routine_definition, routine_schema FROM information_schema.routines "
      "WHERE routine_schema" +
          of,
      "SELECT table_name, view_definition, table_schema FROM information_schema.views WHERE table_schema" +
          of};
}

// A procedure that the account may not even see is called by this word.
lasting_words words_that_last(const std::vector<result_row>& tables, const std::vector<result_row>& texts) {
  lasting_words words;
  if (tables.empty()) return words;
  words.insert("call");
  for (const auto& one : tables) add(words, one);
  for (std::size_t known = 0; known != words.size();) {
    known = words.size();
    for (const auto& one : texts)
      if (may_last(one.at(1), words)) add(words, one);
  }
  return words;
}

bool may_last(const std::optional<std::string>& text, const lasting_words& words) {
  if (words.empty()) return false;
  const auto all = in_small_letters(text.value_or(""));
  if (all.empty() || has_wordless(all, words)) return true;
  std::string_view rest = all, before;
  for (auto word = take_word(rest); !word.empty(); before = word, word = take_word(rest)) {
    if (words.contains(word) && !is_of_row(before, word)) return true;
  }
  return false;
}

bool may_last_by_call(const std::optional<std::string>& text, const lasting_words& words) {
  const auto all = in_small_letters(text.value_or(""));
  std::string_view rest = all;
  for (auto word = take_word(rest); !word.empty(); word = take_word(rest))
    if (is_called(rest) && words.contains(word)) return true;
  return false;
}

std::string look_up_chosen_numbers() {
  return fmt::format("SELECT 1 FROM information_schema.triggers WHERE LOWER(action_statement) LIKE {0} AND "
                     "trigger_schema{1} UNION ALL SELECT 1 FROM information_schema.routines WHERE "
                     "LOWER(routine_definition) LIKE {0} AND routine_schema{1} LIMIT 1",
                     "'%signal%mysql_errno%'", of_users);
}

} // namespace holdwater::spool
