// A bound value as SQL text. Whatever a client binds, as far as replay would bind it, is one literal and
// nothing else, in each sql_mode; plain text means what was bound.
#include "protocol/sql/analysis.hpp"
#include "spool/parameter_text.hpp"
#include "spool/unit.hpp"
#include "tests/fuzz/check.hpp"

using namespace holdwater;
using fuzz::input;
using fuzz::must;

namespace {

constexpr std::string_view character_sets[] = {"utf8mb4", "latin1", "gbk", "sjis", "big5", "binary"};

// As `SET @a = literal`: one statement, which assigns just that.
void stands_alone(const std::string& literal, const protocol::sql::dialect& how) {
  const auto text = "SET @a = " + literal;
  protocol::sql::analysis found;
  found.analyze(text, how);
  must(found.single() && found.first().kind == protocol::sql::kind::set,
       "a value does not end its statement");
  must(found.first().assignments.size() == 1 && found.first().assignments.front().value == literal,
       "a value is one expression");
  must(literal == "NULL" || literal.find_first_of("0123456789'") != literal.npos, "a value is no name");
  must(found.first().tables.empty() && found.first().user_variables.size() <= 1, "a value names nothing");
}

bool is_string(std::uint8_t type) {
  return type == 253 || type == 254; // VAR_STRING, STRING
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  input in(data, size);
  spool::parameter one;
  one.type = static_cast<std::uint8_t>(in.number(1));
  const auto flags = in.number(1);
  one.is_unsigned = (flags & 1) != 0;
  one.long_data = (flags & 2) != 0;
  protocol::sql::dialect how;
  how.no_backslash_escapes = (flags & 4) != 0;
  how.ansi_quotes = (flags & 8) != 0;
  how.mariadb = (flags & 16) != 0;
  const bool in_limit = (flags & 32) != 0;
  const auto character_set = character_sets[in.number(1) % std::size(character_sets)];
  if ((flags & 64) == 0) one.value = std::string(in.rest());
  if (!spool::can_be_bound(one)) return 0;
  const auto usual = spool::literal(one, character_set);
  stands_alone(usual, how);
  stands_alone(spool::exact_literal(one, character_set, in_limit), how);
  static_cast<void>(spool::readable(one));
  if (one.value && is_string(one.type) && usual.starts_with('\''))
    must(protocol::sql::literal_value(usual, how) == *one.value, "plain text means what was bound");
  return 0;
}
