// Where a file's statements end, however it is cut into pieces.
#include "proxy/sql_files/statement_reader.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <vector>

using namespace holdwater::proxy;

namespace {

struct seen {
  std::string text;
  std::uint64_t line = 0;
  std::string note;
  friend bool operator==(const seen&, const seen&) = default;
};

std::vector<seen> statements_of(const std::string& text, const holdwater::protocol::sql::dialect& how = {}) {
  std::istringstream file(text);
  statement_reader reader(file, "-- note");
  std::vector<seen> out;
  statement_reader::piece piece;
  auto got = reader.next(how, piece);
  for (; got == statement_reader::outcome::statement; got = reader.next(how, piece))
    out.push_back({std::string(piece.text), piece.line, piece.note});
  CHECK(got == statement_reader::outcome::end);
  CHECK(reader.bytes() == text.size());
  return out;
}

} // namespace

TEST_CASE("statements end at semicolons that are no part of a literal or comment") {
  CHECK(statements_of("").empty());
  CHECK(statements_of(" \n-- only a comment").empty());
  CHECK(statements_of("A;\n\nB ;C") == std::vector<seen>{{"A", 1, ""}, {"B", 3, ""}, {"C", 3, ""}});
  CHECK(statements_of("INSERT ';' /* ; */ -- ;\n + 1\n;\nX;") ==
        std::vector<seen>{{"INSERT ';' /* ; */ -- ;\n + 1", 1, ""}, {"X", 4, ""}});
  CHECK(statements_of(";;") == std::vector<seen>{{"", 1, ""}, {"", 1, ""}});
}

TEST_CASE("a quote is read as the dialect has it") {
  holdwater::protocol::sql::dialect plain;
  plain.no_backslash_escapes = true;
  CHECK(statements_of(R"(A '\'; B ')", plain).size() == 2);
  CHECK(statements_of(R"(A '\'; B ')").size() == 1);
}

TEST_CASE("of the comments before a statement the last with the mark is told") {
  CHECK(statements_of("-- note 1\n# note\n-- note 2\nA; -- note 3\n B") ==
        std::vector<seen>{{"A", 4, "-- note 2"}, {"B", 5, "-- note 3"}});
  CHECK(statements_of("A\n-- note inside\n;") == std::vector<seen>{{"A\n-- note inside", 1, ""}});
}

TEST_CASE("a statement may be longer than what is read at once, and may end anywhere in it") {
  for (const std::size_t size : {262'100UL, 262'143UL, 262'144UL, 262'145UL, 800'000UL}) {
    const auto literal = "'" + std::string(size, ';') + "'";
    CHECK(statements_of("A " + literal + ";B;") == std::vector<seen>{{"A " + literal, 1, ""}, {"B", 1, ""}});
    const auto comment = "-- note " + std::string(size, 'x');
    CHECK(statements_of(comment + "\nA;") == std::vector<seen>{{"A", 2, comment}});
  }
}
