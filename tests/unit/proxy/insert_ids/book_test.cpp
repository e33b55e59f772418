// When the book asks for a block, and whom it looks up.
#include "sample.hpp"
#include "scratch_folder.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

using namespace holdwater::proxy;
using namespace holdwater::proxy::test;

namespace {

struct filled_table {
  scratch_folder folder;
  id_book book{folder.file(), 20};
  table_facts facts = orders();

  filled_table() {
    book.server_is(a_server());
    book.take_schema("shop", {facts});
    REQUIRE(book.saw_insert("shop", "orders"));
    REQUIRE(give_block(book, 10, 20));
    facts.counter = 30;
    book.take_schema("shop", {facts});
  }
  std::size_t wanting() const { return book.wanting(std::chrono::steady_clock::now()).size(); }
};

} // namespace

TEST_CASE("a table is filled up when less than half a block is left") {
  filled_table table;
  for (int i = 0; i < 10; ++i) CHECK(next_id(table.book) == 10u + i);
  CHECK(table.wanting() == 0);
  CHECK(next_id(table.book) == 20);
  CHECK(table.wanting() == 1);
  const auto order = table.book.order({"shop", "orders"});
  REQUIRE(order.has_value());
  CHECK(order->ceiling == 29);
  CHECK(order->count == 20);
}

TEST_CASE("a block of more rows than one statement may have is made of several ranges") {
  scratch_folder folder;
  id_book book{folder.file(), 12000};
  book.server_is(a_server());
  book.take_schema("shop", {orders()});
  REQUIRE(book.saw_insert("shop", "orders"));
  std::uint64_t next = 10;
  int ranges = 0;
  while (const auto order = book.order({"shop", "orders"})) {
    REQUIRE(order->count == 5000);
    REQUIRE(give_block(book, next, order->count));
    next += order->count;
    ++ranges;
  }
  CHECK(ranges == 3);
  std::string text = "INSERT INTO orders (note) VALUES (1)";
  for (int i = 1; i < 11000; ++i) text += ",(1)";
  CHECK(ask(book, text).first == 10); // those that meet are one
}

TEST_CASE("a block is replaced when a row has one of its ids") {
  filled_table table;
  CHECK(next_id(table.book) == 10);
  const auto ids = table.book.to_check();
  REQUIRE(ids.size() == 1);
  CHECK(ids[0].first == 11);
  CHECK(ids[0].last == 29);
  CHECK(table.book.to_check().empty()); // until the table grows again
  table.facts.counter = 31;
  table.book.take_schema("shop", {table.facts});
  CHECK(table.book.to_check().size() == 1);
  CHECK(table.wanting() == 0);
  table.book.found_used({"shop", "orders"});
  CHECK(table.wanting() == 1);
}

TEST_CASE("a truncated table, for which MySQL shows no counter, gets a new block") {
  filled_table table;
  table.facts.counter = 0;
  table.book.take_schema("shop", {table.facts});
  CHECK(table.wanting() == 1);
}

TEST_CASE("a column that is too small for a whole block is content with less") {
  scratch_folder folder;
  id_book book{folder.file(), 1000};
  book.server_is(a_server());
  book.take_schema("shop", {orders()});
  REQUIRE(book.saw_insert("shop", "orders"));
  REQUIRE(book.reserved({"shop", "orders"}, id_range::of(10, 12, 1), true));
  CHECK(book.wanting(std::chrono::steady_clock::now()).empty());
  for (int i = 0; i < 7; ++i) CHECK(next_id(book) == 10u + i);
  CHECK(book.wanting(std::chrono::steady_clock::now()).size() == 1);
}

TEST_CASE("an insert into an unknown table is looked up once, and again after a while") {
  scratch_folder folder;
  id_book book{folder.file(), 20};
  CHECK(book.saw_insert("other", "t"));
  CHECK_FALSE(book.saw_insert("other", "t"));
  REQUIRE(book.unknown_tables().size() == 1);
  book.take_table({"other", "t"}, std::nullopt);
  CHECK(book.unknown_tables().empty());
  CHECK_FALSE(book.saw_insert("other", "t"));
  book.forget_missing();
  CHECK(book.saw_insert("other", "t"));
  auto facts = orders("t");
  facts.name.schema = "other";
  book.take_table({"other", "t"}, facts);
  CHECK(book.wanting(std::chrono::steady_clock::now()).size() == 1);
}
