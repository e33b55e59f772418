// What plan() answers for each shape of INSERT.
#include "sample.hpp"
#include "scratch_folder.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace holdwater::proxy;
using namespace holdwater::proxy::test;
using enum id_plan::answer;

namespace {

// A book that knows the table and has the ids 101 to 120 for it.
struct known_table {
  scratch_folder folder;
  id_book book{folder.file(), 20};

  known_table() {
    book.server_is(a_server());
    book.take_schema("shop", {orders()});
    REQUIRE(book.saw_insert("shop", "orders"));
    REQUIRE(give_block(book, 101, 20));
  }
};

bool mentions(const std::string& text, const char* words) {
  return text.find(words) != std::string::npos;
}

} // namespace

TEST_CASE("each shape of INSERT gets the ids that the server would make, or is refused with the reason") {
  struct row {
    const char* text;
    id_plan::answer what;
    std::uint64_t first;
    const char* reason;
  };
  const std::vector<row> table{
      {"INSERT INTO orders (note) VALUES ('x')", reserved, 101, ""},
      {"INSERT INTO orders (id, note) VALUES (NULL, 'x')", reserved, 101, ""},
      {"INSERT INTO orders (note, ID) VALUES ('x', DEFAULT)", reserved, 101, ""},
      {"INSERT INTO orders VALUES (NULL, 'x', 1)", reserved, 101, ""},
      {"INSERT INTO orders VALUES (0, 'x', 1)", reserved, 101, ""},
      {"INSERT INTO orders VALUES ('0', 'x', 1)", reserved, 101, ""},
      {"INSERT INTO orders () VALUES (), ()", reserved, 101, ""},
      {"INSERT INTO orders SET note = 'x'", reserved, 101, ""},
      {"INSERT INTO orders SET note = 'x', `id` = NULL", reserved, 101, ""},
      {"REPLACE INTO orders (note) VALUES ('x')", reserved, 101, ""},
      {"INSERT INTO orders (id) VALUES (7), (8)", none_needed, 0, ""},
      {"INSERT INTO orders VALUES ('7', 'x', 1)", none_needed, 0, ""},
      {"INSERT INTO orders VALUES (-7, 'x', 1)", none_needed, 0, ""},
      {"INSERT INTO orders SET id = 7", none_needed, 0, ""},
      {"REPLACE INTO orders (id) VALUES (7)", none_needed, 0, ""},
      {"INSERT INTO orders (note) VALUES ('x') ON DUPLICATE KEY UPDATE total = 1", upsert, 101, ""},
      {"INSERT IGNORE INTO orders (note) VALUES ('x')", upsert, 101, ""},
      {"INSERT INTO orders (id) VALUES (7) ON DUPLICATE KEY UPDATE total = 1", none_needed, 0, ""},
      {"INSERT INTO orders (id) VALUES (7), (NULL)", refused, 0, "some rows give a value for `id`"},
      {"INSERT INTO orders (id) VALUES (1 + 1)", refused, 0, "is an expression"},
      {"INSERT INTO orders (id) VALUES (0.4)", refused, 0, "is an expression"},
      {"INSERT INTO orders (id) VALUES ('')", refused, 0, "is an expression"},
      {"INSERT INTO orders (id) VALUES (FALSE)", refused, 0, "is an expression"},
      {"INSERT INTO orders (id) VALUES (@a)", refused, 0, "is an expression"},
      {"INSERT INTO orders SET id = 1 + 1", refused, 0, "is an expression"},
      {"INSERT INTO orders (note) SELECT note FROM old", refused, 0, "a SELECT's rows"},
      {"REPLACE INTO orders SELECT * FROM old", refused, 0, "a SELECT's rows"},
  };
  for (const auto& one : table) {
    CAPTURE(one.text);
    known_table given;
    const auto plan = ask(given.book, one.text);
    CHECK(plan.what == one.what);
    CHECK(plan.first == one.first);
    CHECK(plan.reason.empty() == (one.what != refused));
    CHECK(mentions(plan.reason, one.reason));
  }
}

TEST_CASE("a column whose name may be the id's in letters beyond ASCII is in doubt, so refused") {
  scratch_folder folder;
  id_book book{folder.file(), 20};
  book.server_is(a_server());
  auto facts = orders();
  facts.column = "né";
  book.take_schema("shop", {facts});
  CHECK(ask(book, "INSERT INTO orders (`NÉ`) VALUES (NULL)").what == refused);
  CHECK(ask(book, "INSERT INTO orders (`né`) VALUES (7)").what == none_needed);
}

TEST_CASE("a table that is not known is refused, and so is a view") {
  known_table given;
  const auto plan = ask(given.book, "INSERT INTO other (a) VALUES (1)", {}, "other");
  CHECK(plan.what == refused);
  CHECK(mentions(plan.reason, "definition of `shop`.`other` is not known"));
  auto view = orders("seen");
  view.engine.clear();
  given.book.take_table(view.name, view);
  CHECK(ask(given.book, "INSERT INTO seen (a) VALUES (1)", {}, "seen").what == refused);
}

TEST_CASE("a table without an AUTO_INCREMENT column needs no id, even from a SELECT") {
  known_table given;
  auto plain = orders("plain");
  plain.column.clear();
  given.book.take_table(plain.name, plain);
  CHECK(ask(given.book, "INSERT INTO plain VALUES (1)", {}, "plain").what == none_needed);
  CHECK(ask(given.book, "INSERT INTO plain SELECT 1", {}, "plain").what == none_needed);
}

TEST_CASE("an invisible id column is not filled by a statement without a column list") {
  known_table given;
  auto facts = orders();
  facts.hidden = true;
  facts.counter = 121;
  given.book.take_table(facts.name, facts);
  CHECK(ask(given.book, "INSERT INTO orders VALUES ('7', 8)").what == reserved);
  CHECK(ask(given.book, "INSERT INTO orders (id) VALUES (7)").what == none_needed);
}

TEST_CASE("consecutive statements get consecutive ids, as many as they have rows") {
  known_table given;
  CHECK(ask(given.book, "INSERT INTO orders (note) VALUES (1), (2), (3)").first == 101);
  CHECK(next_id(given.book) == 104);
  CHECK(ask(given.book, "REPLACE INTO orders (id) VALUES (NULL), (DEFAULT), (0)").first == 105);
  CHECK(next_id(given.book) == 108);
}

TEST_CASE("rows of a session with increment and offset fit its grid and take the ids in between") {
  known_table given;
  CHECK(ask(given.book, "INSERT INTO orders (note) VALUES (1), (2)", {5, 3}).first == 103); // and 108
  CHECK(next_id(given.book) == 109);
  CHECK(ask(given.book, "INSERT INTO orders (note) VALUES (1)", {10, 3}).first == 113);
  CHECK(ask(given.book, "INSERT INTO orders (note) VALUES (1), (2)", {10, 3}).what == refused);
}

TEST_CASE("between ids of a server that counts in steps lie those of other servers") {
  scratch_folder folder;
  id_book book{folder.file(), 20};
  book.server_is(a_server());
  book.take_schema("shop", {orders()});
  REQUIRE(give_block(book, 102, 20, 2));
  CHECK(ask(book, "INSERT INTO orders (note) VALUES (1), (2)", {1, 1}).what == refused);
  CHECK(ask(book, "INSERT INTO orders (note) VALUES (1), (2)", {2, 2}).first == 102);
  CHECK(ask(book, "INSERT INTO orders (note) VALUES (1)", {1, 1}).first == 106);
}

TEST_CASE("a used-up block refuses and says so; a run larger than the rest leaves the rest to others") {
  known_table given;
  REQUIRE(ask(given.book, "INSERT INTO orders (note) VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9),(10),(11),"
                          "(12),(13),(14),(15),(16),(17),(18)")
              .first == 101);
  const auto large = ask(given.book, "INSERT INTO orders (note) VALUES (1), (2), (3)");
  CHECK(large.what == refused);
  CHECK(mentions(large.reason, "no 3 ids in a row"));
  CHECK(mentions(large.reason, "2 ids are"));
  CHECK(next_id(given.book) == 119);
  CHECK(next_id(given.book) == 120);
  const auto after = ask(given.book, "INSERT INTO orders (note) VALUES (1)");
  CHECK(after.what == refused);
  CHECK(mentions(after.reason, "the block is used up"));
  CHECK(given.book.tables_without_ids() == std::vector<std::string>{"shop.orders: the block is used up"});
}

TEST_CASE("names are compared as the server compares them") {
  for (const bool folded : {false, true}) {
    CAPTURE(folded);
    scratch_folder folder;
    id_book book{folder.file(), 20};
    book.server_is(a_server(folded));
    book.take_schema("shop", {orders()});
    REQUIRE(give_block(book, 101, 20));
    CHECK(ask(book, "INSERT INTO ORDERS (note) VALUES (1)", {}, "ORDERS").what ==
          (folded ? reserved : refused));
    CHECK(ask(book, "INSERT INTO orders (note) VALUES (1)", {}, "orders").what == reserved);
  }
}

TEST_CASE("a table that an outage's insert was the first for is listed, and a block is wanted for it") {
  scratch_folder folder;
  id_book book{folder.file(), 20};
  book.server_is(a_server());
  book.take_schema("shop", {orders()});
  CHECK(book.tables_without_ids().empty());
  CHECK(book.wanting(std::chrono::steady_clock::now()).empty());
  for (int i = 0; i < 2; ++i) {
    const auto plan = ask(book, "INSERT INTO orders (note) VALUES (1)");
    CHECK(plan.what == refused);
    CHECK(mentions(plan.reason, "no insert into it was seen while the server was up"));
  }
  REQUIRE(book.tables_without_ids().size() == 1);
  CHECK(mentions(book.tables_without_ids()[0], "no insert into it was seen"));
  CHECK(book.wanting(std::chrono::steady_clock::now()).size() == 1);
}

TEST_CASE("reservation switched off, another engine and a column of no integer type are reasons") {
  scratch_folder folder;
  id_book off{folder.file() + "0", 0};
  off.take_schema("shop", {orders()});
  CHECK(mentions(ask(off, "INSERT INTO orders (note) VALUES (1)").reason, "insert_ids.block is 0"));
  id_book book{folder.file(), 20};
  auto facts = orders();
  facts.engine = "MyISAM";
  book.take_table(facts.name, facts);
  CHECK(mentions(ask(book, "INSERT INTO orders (note) VALUES (1)").reason, "this one's engine is MyISAM"));
  facts = orders();
  facts.column_type = "double";
  book.take_table(facts.name, facts);
  CHECK(mentions(ask(book, "INSERT INTO orders (note) VALUES (1)").reason, "a column of type double"));
  CHECK(book.wanting(std::chrono::steady_clock::now()).empty());
}

TEST_CASE(
    "a failed reservation keeps its reason until one succeeds, and lasting ones are tried more rarely") {
  scratch_folder folder;
  id_book book{folder.file(), 20};
  book.server_is(a_server());
  book.take_schema("shop", {orders()});
  REQUIRE(book.saw_insert("shop", "orders"));
  const auto now = id_book::time_point{} + std::chrono::hours(1);
  book.failed({"shop", "orders"}, "it has an INSERT trigger", true, now);
  CHECK(book.tables_without_ids() == std::vector<std::string>{"shop.orders: it has an INSERT trigger"});
  const auto first = book.next_retry();
  REQUIRE(first.has_value());
  CHECK(*first > now);
  CHECK(book.wanting(now).empty());
  book.failed({"shop", "orders"}, "it has an INSERT trigger", true, *first);
  CHECK(*book.next_retry() - *first > *first - now);
  REQUIRE(give_block(book, 1, 20));
  CHECK(book.tables_without_ids().empty());
}
