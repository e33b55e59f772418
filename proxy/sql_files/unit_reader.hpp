// A file as spool export writes it, as the units that it was made of.
//
// Its SETs become what each statement is to be run under; a transaction is one unit, and so is each statement
// outside of one. A write gets all user variables that are set and not NULL, for triggers; behind a number
// only those that were set behind it, since it may be another client's than the write before. Whether a
// statement may be queued at all is not decided here (spooling/check_import).
//
// Invariant: whose a write is, only a head says that stands between two units: a comment that is a part of a
// statement is none, and behind SETs or in a transaction it is refused, since what it belongs to is not sure.
// A file whose heads name a queue, or that has no write, is whole: it ends with how many writes it has.
#pragma once

#include "proxy/sql_files/statement_reader.hpp"
#include "proxy/sql_files/unit_head.hpp"
#include "spool/unit.hpp"

#include <cstdint>
#include <istream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::proxy {

struct read_unit {
  spool::unit what;                 // its number and its queue are in `head`
  unit_head head;                   // of the file; number 0: it has none
  std::vector<std::uint64_t> lines; // where its statements begin
  std::uint64_t last_line = 0;
};

class unit_reader {
 public:
  // `account`: whose the units are that have no head.
  unit_reader(std::istream& from, std::string account)
      : statements_(from, {unit_head_mark, end_mark}), account_(std::move(account)) {}

  enum class outcome : std::uint8_t { unit, end, wrong };
  [[nodiscard]] outcome next(read_unit& out);
  [[nodiscard]] const std::string& error() const { return error_; } // "line 3: ..."
  [[nodiscard]] std::uint64_t bytes() const { return statements_.bytes(); }

 private:
  [[nodiscard]] bool fail(std::uint64_t line, std::string_view why);
  // Each is false when that cannot be; `error_` says why.
  [[nodiscard]] bool take(const statement_reader::piece& piece);
  [[nodiscard]] bool take_note(const statement_reader::piece& piece);
  [[nodiscard]] bool take_head(unit_head head, std::uint64_t line);
  [[nodiscard]] bool is_whole();
  [[nodiscard]] bool take_set(std::uint64_t line);
  [[nodiscard]] bool take_assignment(const protocol::sql::assignment& one, std::uint64_t line);
  [[nodiscard]] bool take_variable(const protocol::sql::assignment& one, std::uint64_t line);
  [[nodiscard]] bool take_prepare(std::uint64_t line);
  [[nodiscard]] bool take_execute(std::string_view text, std::uint64_t line);
  [[nodiscard]] bool take_write(std::string_view text, std::uint64_t line);
  [[nodiscard]] bool begin(std::uint64_t line);
  [[nodiscard]] bool commit(std::uint64_t line);
  [[nodiscard]] std::optional<std::string> take_text_of_variable(std::string_view name);
  [[nodiscard]] std::vector<spool::user_variable> variables_of_write() const;

  statement_reader statements_;
  std::string account_;
  std::string error_;
  protocol::sql::analysis found_;
  protocol::sql::dialect dialect_;

  // What the file has set so far.
  spool::statement_context context_;
  bool has_mode_ = false, has_character_set_ = false;
  std::chrono::microseconds timestamp_{0};
  std::optional<std::uint64_t> insert_id_, last_insert_id_; // for the next write alone
  struct variable {
    std::string literal;
    std::string text; // its bytes, when it is a string
    std::string name;
    std::uint64_t of = 0;   // the number that it was set behind
    bool is_a_text = false; // that a statement was prepared from
  };
  std::map<std::string, variable, std::less<>> variables_;   // by name in lower case
  std::map<std::string, std::string, std::less<>> prepared_; // likewise: the statements' texts
  bool settings_pending_ = false;                            // SETs came that no write has followed yet
  std::uint64_t units_ = 0;
  std::optional<std::uint64_t> told_units_; // by the end of the text

  unit_head head_;                         // of what comes
  bool head_used_ = true;                  // it was some unit's already
  std::optional<std::uint64_t> open_line_; // of START TRANSACTION
  read_unit unit_;                         // being read
  bool ready_ = false;
};

// NULL, a number, '', or bytes in hex: the forms in which a user variable's value is kept.
[[nodiscard]] bool is_kept_literal(std::string_view text);

} // namespace holdwater::proxy
