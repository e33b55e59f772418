// The analysis of a statement's text. What it names lies inside the text, it remembers nothing of the text
// before, a statement cut out of its text (as the spool keeps it) means the same alone, and bytes that are
// plain ASCII mean the same in every character set.
#include "protocol/sql/analysis.hpp"
#include "protocol/sql/kill.hpp"
#include "tests/fuzz/check.hpp"

#include <functional>
#include <tuple>

using namespace holdwater::protocol::sql;
using holdwater::fuzz::input;
using holdwater::fuzz::must;

namespace {

constexpr std::uint8_t charsets = 10;
constexpr unsigned versions[] = {90704, 80000, 50700, 101114, 110800, 50505, 0, 990000};

dialect read_dialect(input& in) {
  dialect how;
  const auto flags = in.number(1);
  how.mariadb = (flags & 1) != 0;
  how.ansi_quotes = (flags & 2) != 0;
  how.no_backslash_escapes = (flags & 4) != 0;
  how.no_auto_value_on_zero = (flags & 8) != 0;
  how.client_charset = static_cast<dialect::charset>(in.number(1) % charsets);
  how.version = versions[in.number(1) % std::size(versions)];
  return how;
}

void inside(std::string_view whole, std::string_view part) {
  if (part.empty()) return;
  const std::less_equal<const char*> before;
  must(before(whole.data(), part.data()) && before(part.data() + part.size(), whole.data() + whole.size()),
       "what is named lies inside of the text");
}

// Another number is put in the place of this one.
void look_at_kill(std::string_view text, const statement& one, const dialect& how) {
  const auto target = read_kill(text, one.offset, how);
  if (!target.literal) return;
  must(target.offset >= one.offset && target.size > 0 && target.offset + target.size <= one.offset + one.size,
       "the number lies inside of its statement");
  const auto number = text.substr(target.offset, target.size);
  const auto said = std::string(text.substr(0, target.offset)) + "77" +
                    std::string(text.substr(target.offset + target.size));
  const auto again = read_kill(said, one.offset, how);
  must(again.literal && again.id == 77 && again.query_only == target.query_only,
       "another number kills another");
  must(number.find_first_of("'\"`;") == number.npos, "a number is one");
}

void look_inside(std::string_view text, const statement& one, const dialect& how) {
  for (const auto& table : one.tables) {
    inside(text, table.schema.raw);
    inside(text, table.table.raw);
    must(!table.table.empty(), "a table has a name");
  }
  for (const auto variable : one.user_variables) inside(text, variable);
  for (const auto& column : one.insert.columns) inside(text, column.raw);
  inside(text, one.subject.raw);
  static_cast<void>(one.subject.unquoted());
  for (const auto& each : one.assignments) {
    static_cast<void>(each.variable.unquoted());
    static_cast<void>(literal_value(each.value, how));
    static_cast<void>(literal_value(each.extra, how));
  }
  if (one.kind == kind::kill) look_at_kill(text, one, how);
  if (!one.is_write()) return;
  must(!is_pure_read(one), "a write is no read");
  for (const std::size_t position : {0, 3})
    must(cell_kinds(text, one, position, how).size() <= std::max(one.insert.rows, 1u), "a cell has its row");
}

auto summary(const statement& one) {
  return std::tuple(one.kind, one.traits, one.tables.size(), one.assignments.size(),
                    one.user_variables.size(), one.insert.from, one.insert.rows, one.insert.columns.size(),
                    one.insert.ignore, one.insert.on_duplicate, one.subject.raw, one.hazard,
                    is_pure_read(one));
}

void same(const analysis& left, const analysis& right, const char* claim) {
  must(left.statements().size() == right.statements().size(), claim);
  for (std::size_t i = 0; i < left.statements().size(); ++i)
    must(summary(left.statements()[i]) == summary(right.statements()[i]), claim);
}

// What a session or the spool relies on; what was not understood is relied on by nobody.
bool is_understood(kind what) {
  switch (what) {
  case kind::unknown:
  case kind::ddl:
  case kind::admin:
  case kind::xa:
  case kind::load_data: return false;
  default: return true;
  }
}

// Not so inside of a version comment, which a cut may open or close.
void means_the_same_alone(std::string_view text, const statement& one, const dialect& how) {
  if (!is_understood(one.kind) || text.find("/*") != text.npos) return;
  analysis alone;
  alone.analyze(text.substr(one.offset, one.size), how);
  must(alone.single(), "a statement alone is one statement");
  must(summary(alone.first()) == summary(one), "a statement alone means the same");
}

bool ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static analysis reused;
  input in(data, size);
  auto how = read_dialect(in);
  const auto text = in.rest();
  analysis found;
  found.analyze(text, how);
  must(!found.statements().empty(), "there is always a statement");
  std::size_t end = 0;
  for (const auto& one : found.statements()) {
    must(one.offset >= end && one.offset + one.size <= text.size(), "statements stand one behind the other");
    end = one.offset + one.size;
    look_inside(text, one, how);
    means_the_same_alone(text, one, how);
  }
  reused.analyze(text, how);
  same(found, reused, "an analysis remembers nothing of the text before");
  if (!ascii(text)) return 0;
  how.client_charset =
      static_cast<dialect::charset>((static_cast<unsigned>(how.client_charset) + 1) % charsets);
  reused.analyze(text, how);
  same(found, reused, "ASCII means the same in every character set");
  return 0;
}
