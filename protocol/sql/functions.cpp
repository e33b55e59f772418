// The meaning of calls and variables. The lists of names are in function_names.hpp.
//
// Source: MySQL "Replication and System Functions" and "Replication and Variables" for what differs when it
// runs later; "Function Name Parsing and Resolution" for the blank before a parenthesis.
#include "protocol/sql/functions.hpp"
#include "protocol/sql/characters.hpp"

#include <algorithm>
#include <array>

namespace holdwater::protocol::sql {
namespace {

constexpr std::array<std::string_view, 9> session_variables{
    "last_insert_id", "identity",   "insert_id",        "warning_count", "error_count",
    "rand_seed1",     "rand_seed2", "pseudo_thread_id", "last_gtid"};

constexpr unsigned mariadb_11_8 = 110800;
constexpr unsigned mysql_9 = 90000;

bool is_session_variable(std::string_view word) {
  if (word.size() > 1 && word.front() == '`') word = word.substr(1, word.size() - 2);
  return std::any_of(session_variables.begin(), session_variables.end(),
                     [&](auto known) { return iequals(known, word); });
}

bool empty_call(const reader& in) {
  lexer probe = in.source();
  return probe.next().is(')');
}

// Whether a call has one comma of its own.
bool has_two_arguments(const reader& in) {
  lexer probe = in.source();
  std::size_t depth = 0;
  std::size_t commas = 0;
  for (auto next = probe.next(); next.kind != token_kind::end; next = probe.next()) {
    if (next.is(')') && depth == 0) return commas == 1;
    if (next.is('(')) ++depth;
    if (next.is(')')) --depth;
    if (next.is(',') && depth == 0) ++commas;
  }
  return false;
}

void note_marks(reader& in, const token& word) {
  const auto marks = word.word.marks;
  if (marks & mark::clock) in.note(trait::clock_value);
  if (marks & mark::random) in.note(trait::random_value);
  if (marks & mark::session) {
    const bool last_id = iequals(word.text, "LAST_INSERT_ID") && empty_call(in);
    in.note(last_id ? trait::last_insert_id : trait::connection_value);
    in.note(trait::session_function, word.text);
  }
  if (marks & mark::later) in.note(trait::deferred_hazard, word.text);
  if (marks & mark::named_lock) in.note(trait::named_lock, word.text);
  if (marks & mark::sequence) in.note(trait::sequence_access, word.text);
  if (marks & mark::host) in.note_host_fact(word.text);
}

bool is_builtin(const reader& in, const token& word) {
  const auto marks = word.word.marks;
  if (!(marks & mark::any_function)) return false;
  if ((marks & mark::only_mariadb) && !in.how.mariadb) return false;
  if ((marks & mark::only_mysql) && in.how.mariadb) return false;
  if ((marks & mark::mariadb_11) && in.how.mariadb && in.how.version < mariadb_11_8) return false;
  const bool mysql_before_9 = !in.how.mariadb && in.how.version != 0 && in.how.version < mysql_9;
  if ((marks & mark::mysql_8) && !in.how.mariadb && !mysql_before_9) return false;
  if ((marks & mark::geometry) && in.how.mariadb && empty_call(in)) return false;
  if ((marks & mark::point) && in.how.mariadb && !has_two_arguments(in)) return false;
  return !(marks & mark::glued) || in.ahead().glued;
}

bool is_database(std::string_view word) {
  constexpr std::string_view names[] = {"DATABASE", "SCHEMA"};
  return std::ranges::any_of(names, [&](auto known) { return iequals(known, word); });
}

} // namespace

void note_call(reader& in) {
  const auto& word = in.now();
  if (is_database(word.text)) in.note(trait::default_database);
  if (!is_builtin(in, word)) in.note(trait::unknown_function, word.text);
  if (word.word.marks != mark::harmless) note_marks(in, word);
  if (word.marked(mark::clock_empty) && empty_call(in)) in.note(trait::clock_value);
}

void note_bare_word(reader& in) {
  if (in.now().marked(mark::bare)) note_marks(in, in.now());
}

void read_user_variable(reader& in) {
  const auto text = in.now().text;
  in.advance();
  if (in.now().kind == token_kind::assign) {
    in.note(trait::writes_user_variable);
    return;
  }
  in.note(trait::reads_user_variable);
  auto& seen = in.out.user_variables;
  const auto variable = text.substr(1);
  constexpr std::size_t compared =
      16; // a long list may name one twice: comparing all would take quadratic time
  const auto from = seen.size() > compared ? seen.end() - compared : seen.begin();
  if (std::find(from, seen.end(), variable) == seen.end()) seen.push_back(variable);
}

void read_system_variable(reader& in) {
  in.note(trait::reads_system_variable);
  auto word = in.now().text;
  const char* const start = word.data();
  word.remove_prefix(2);
  in.advance();
  while (in.at('.') && in.ahead().named()) {
    in.advance();
    word = in.now().text;
    in.advance();
  }
  const std::string_view whole(start, static_cast<std::size_t>(in.last_end() - start));
  if (is_session_variable(word))
    in.note(trait::session_function | trait::connection_value, whole);
  else if (iequals(word, "timestamp"))
    in.note(trait::clock_value);
  else
    in.note_host_fact(whole);
}

} // namespace holdwater::protocol::sql
