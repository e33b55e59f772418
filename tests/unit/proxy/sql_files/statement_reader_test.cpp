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
  friend bool operator==(const seen&, const seen&) = default;
};

// Notes among them.
std::vector<seen> statements_of(const std::string& text, const holdwater::protocol::sql::dialect& how = {}) {
  std::istringstream file(text);
  statement_reader reader(file, {"-- note", "-- mark"});
  std::vector<seen> out;
  statement_reader::piece piece;
  auto got = reader.next(how, piece);
  for (; got == statement_reader::outcome::statement || got == statement_reader::outcome::note;
       got = reader.next(how, piece))
    out.push_back({std::string(piece.text), piece.line});
  CHECK(got == statement_reader::outcome::end);
  CHECK(reader.bytes() == text.size());
  return out;
}

} // namespace

TEST_CASE("statements end at semicolons that are no part of a literal or comment") {
  CHECK(statements_of("").empty());
  CHECK(statements_of(" \n-- only a comment").empty());
  CHECK(statements_of("A;\n\nB ;C;") == std::vector<seen>{{"A", 1}, {"B", 3}, {"C", 3}});
  CHECK(statements_of("INSERT ';' /* ; */ -- ;\n + 1\n;\nX;") ==
        std::vector<seen>{{"INSERT ';' /* ; */ -- ;\n + 1", 1}, {"X", 4}});
  CHECK(statements_of(";;") == std::vector<seen>{{"", 1}, {"", 1}});
  CHECK(statements_of("A;\n/* the end */\n") == std::vector<seen>{{"A", 1}});
}

TEST_CASE("a quote is read as the dialect has it") {
  holdwater::protocol::sql::dialect plain;
  plain.no_backslash_escapes = true;
  CHECK(statements_of(R"(A '\'; B '';)", plain).size() == 2);
  CHECK(statements_of(R"(A '\'; B ';)").size() == 1);
}

TEST_CASE("of the comments before a statement those with a mark are told") {
  CHECK(statements_of("-- note 1\n# note\n-- mark 2\nA; -- note 3\n B;\n-- note 4") ==
        std::vector<seen>{
            {"-- note 1", 1}, {"-- mark 2", 3}, {"A", 4}, {"-- note 3", 4}, {"B", 5}, {"-- note 4", 6}});
  CHECK(statements_of("A\n-- note inside\n;") == std::vector<seen>{{"A\n-- note inside", 1}});
}

TEST_CASE("a file that ends in a statement is told from one that ends behind it") {
  for (const char* text : {"A;\nB", "A;\nB -- ;\n", "A;\nB ';'", "A;\nB 'never ends;"}) {
    std::istringstream file(text);
    statement_reader reader(file, {"-- note"});
    statement_reader::piece piece;
    CHECK(reader.next({}, piece) == statement_reader::outcome::statement);
    CHECK(reader.next({}, piece) == statement_reader::outcome::open);
    CHECK(piece.line == 2);
  }
}

TEST_CASE("a statement may be longer than what is read at once, and may end anywhere in it") {
  for (const std::size_t size : {262'100UL, 262'143UL, 262'144UL, 262'145UL, 800'000UL}) {
    const auto literal = "'" + std::string(size, ';') + "'";
    CHECK(statements_of("A " + literal + ";B;") == std::vector<seen>{{"A " + literal, 1}, {"B", 1}});
    const auto comment = "-- note " + std::string(size, 'x');
    CHECK(statements_of(comment + "\nA;") == std::vector<seen>{{comment, 1}, {"A", 2}});
    CHECK(statements_of("# " + comment + "\nA;") == std::vector<seen>{{"A", 2}});
  }
}

TEST_CASE("of a comment that never ends no more is held than is read at once") {
  std::istringstream endless("-- " + std::string(8 << 20, 'x') + "\nA;\n-- note " +
                             std::string(8 << 20, 'x'));
  statement_reader reader(endless, {"-- note"});
  statement_reader::piece piece;
  CHECK(reader.next({}, piece) == statement_reader::outcome::statement);
  CHECK(piece.text == "A");
  CHECK(reader.next({}, piece) == statement_reader::outcome::too_long);
  CHECK(reader.bytes() < 10U << 20);
}
