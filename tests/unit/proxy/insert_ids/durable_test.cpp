// The book on the disk: an id is handed out at most once, whatever happens to process and file.
#include "sample.hpp"
#include "scratch_folder.hpp"

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <memory>

using namespace holdwater::proxy;
using namespace holdwater::proxy::test;

namespace {

void fill(id_book& book, std::uint64_t first, std::uint64_t count) {
  book.server_is(a_server());
  book.take_schema("shop", {orders()});
  CHECK(book.saw_insert("shop", "orders"));
  REQUIRE(give_block(book, first, count));
}

// The state of the disk when the process dies now: the file and its log are copied as they are.
std::string image_of(const std::string& path) {
  const auto copy = path + ".image";
  for (const char* tail : {"", "-wal"})
    std::filesystem::copy_file(path + tail, copy + tail, std::filesystem::copy_options::overwrite_existing);
  return copy;
}

std::uint64_t mark_on_disk(const std::string& path) {
  sqlite3* raw = nullptr;
  REQUIRE(sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK);
  const std::unique_ptr<sqlite3, int (*)(sqlite3*)> db(raw, sqlite3_close);
  sqlite3_stmt* query = nullptr;
  REQUIRE(sqlite3_prepare_v2(raw, "SELECT MAX(durable) FROM ranges", -1, &query, nullptr) == SQLITE_OK);
  const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> rows(query, sqlite3_finalize);
  REQUIRE(sqlite3_step(query) == SQLITE_ROW);
  return static_cast<std::uint64_t>(sqlite3_column_int64(query, 0));
}

// Another connection that holds the write lock: the book's saves fail.
class locked_file {
 public:
  explicit locked_file(const std::string& path) {
    REQUIRE(sqlite3_open(path.c_str(), &db_) == SQLITE_OK);
    REQUIRE(sqlite3_exec(db_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
  }
  ~locked_file() { sqlite3_close(db_); }
  locked_file(const locked_file&) = delete;
  locked_file& operator=(const locked_file&) = delete;

 private:
  sqlite3* db_ = nullptr;
};

} // namespace

TEST_CASE("wherever the process dies, no id that was handed out is handed out again") {
  scratch_folder folder;
  id_book book{folder.file(), 100};
  fill(book, 1001, 100);
  for (std::uint64_t last = next_id(book); last != 0; last = next_id(book)) {
    const auto image = image_of(folder.file());
    const auto mark = mark_on_disk(image);
    CHECK(mark > last);
    id_book again{image, 100};
    const auto next = next_id(again);
    CHECK((next == 0 ? mark == 1101 : next == mark));
  }
}

TEST_CASE("crashes in a row lose a part of the block each, and it ends in refusals") {
  scratch_folder folder;
  {
    id_book book{folder.file(), 100};
    fill(book, 1001, 100);
  }
  std::uint64_t before = 1000;
  int lives = 0;
  for (;; ++lives) {
    REQUIRE(lives <= 100);
    id_book book{folder.file(), 100};
    const auto id = next_id(book);
    if (id == 0) break;
    CHECK(id > before);
    CHECK(id <= 1100);
    before = id;
  }
  CHECK(lives >= 5);
}

TEST_CASE("after a restart the book knows tables, blocks and what was seen, and asks for no new block") {
  scratch_folder folder;
  {
    id_book book{folder.file(), 100};
    fill(book, 1001, 100);
  }
  id_book book{folder.file(), 100};
  CHECK(book.known_tables() == 1);
  CHECK_FALSE(book.saw_insert("shop", "orders"));
  book.server_is(a_server());
  CHECK(book.wanting(std::chrono::steady_clock::now()).empty());
  CHECK(next_id(book) == 1001);
}

TEST_CASE("another run of the server makes the block stale: a new one lies past all that it had") {
  scratch_folder folder;
  id_book book{folder.file(), 100};
  fill(book, 1001, 100);
  REQUIRE(next_id(book) == 1001);
  auto restarted = a_server();
  restarted.started += 60;
  book.server_is(restarted);
  REQUIRE(book.wanting(std::chrono::steady_clock::now()).size() == 1);
  const auto order = book.order({"shop", "orders"});
  REQUIRE(order.has_value());
  CHECK(order->ceiling >= 1100);
  CHECK(next_id(book) == 0); // the server may have made the rest of it for others
  REQUIRE(book.tables_without_ids().size() == 1);
  CHECK(book.tables_without_ids()[0] == "shop.orders: the server's counter may have gone back");
  REQUIRE(give_block(book, 2001, 100));
  CHECK(book.tables_without_ids().empty());
  CHECK_FALSE(book.order({"shop", "orders"}).has_value());
  CHECK(next_id(book) == 2001);
}

TEST_CASE("a stale block is still known as stale after a crash") {
  scratch_folder folder;
  {
    id_book book{folder.file(), 100};
    fill(book, 1001, 100);
    auto restarted = a_server();
    restarted.started += 60;
    book.server_is(restarted);
  }
  id_book book{folder.file(), 100};
  CHECK(book.order({"shop", "orders"}).has_value());
  CHECK(next_id(book) == 0);
}

TEST_CASE("a block is in doubt from the server's return until every table was looked at since") {
  scratch_folder folder;
  id_book book{folder.file(), 100};
  fill(book, 1001, 100);
  book.server_is_coming();
  CHECK(next_id(book) == 1001); // only what was queued reaches the server
  book.server_is_up();
  CHECK(next_id(book) == 0);
  const auto coming = book.comings();
  book.server_is_away();
  CHECK(next_id(book) == 0);
  book.server_is_coming();
  book.server_is_up();
  book.checked(coming); // of the time before
  CHECK(book.in_doubt());
  CHECK(book.tables_without_ids().size() == 1);
  book.checked(book.comings());
  CHECK(next_id(book) == 1002);
  book.server_is_up(); // nobody has gone away
  CHECK(next_id(book) == 1003);
}

TEST_CASE("a crash neither ends a block's doubt nor brings one that there was not") {
  scratch_folder folder;
  const auto id_after_a_crash = [&] {
    id_book book{folder.file(), 100};
    return next_id(book);
  };
  {
    id_book book{folder.file(), 100};
    fill(book, 1001, 100);
    book.server_is_coming();
  }
  CHECK(id_after_a_crash() == 0); // the server may have come
  {
    id_book book{folder.file(), 100};
    book.server_is_up();
    book.checked(book.comings());
    book.server_is_coming();
    book.server_is_away();
  }
  CHECK(id_after_a_crash() != 0);
}

TEST_CASE("a counter that is back below the block makes it stale, and a table made anew loses it") {
  scratch_folder folder;
  id_book book{folder.file(), 100};
  fill(book, 1001, 100);
  auto facts = orders();
  facts.counter = 1101;
  book.take_schema("shop", {facts});
  CHECK_FALSE(book.order(facts.name).has_value());
  REQUIRE(next_id(book) == 1001);
  facts.counter = 5;
  book.take_schema("shop", {facts});
  CHECK(book.order(facts.name).has_value());
  CHECK(next_id(book) == 0);
  facts.created = "2024-05-02 10:00:00";
  book.take_schema("shop", {facts});
  CHECK(next_id(book) == 0);
  CHECK(book.order(facts.name)->ceiling >= 1001);
}

TEST_CASE("a dropped table is forgotten, on the disk too") {
  scratch_folder folder;
  {
    id_book book{folder.file(), 100};
    fill(book, 1001, 100);
    book.take_schema("shop", {});
  }
  id_book book{folder.file(), 100};
  CHECK(book.known_tables() == 0);
  CHECK(next_id(book) == 0);
}

TEST_CASE("a damaged file is set aside, and a new one takes its place") {
  scratch_folder folder;
  std::ofstream(folder.file()) << std::string(8192, 'x');
  id_book book{folder.file(), 100};
  CHECK(std::filesystem::exists(folder.file() + ".unreadable"));
  fill(book, 1001, 100);
  CHECK(next_id(book) == 1001);
}

TEST_CASE("a file that can neither be opened nor replaced is a reason, and nothing is reserved") {
  scratch_folder folder;
  id_book book{folder.file() + "/no/such/folder", 100};
  book.take_schema("shop", {orders()});
  static_cast<void>(book.saw_insert("shop", "orders"));
  CHECK(book.wanting(std::chrono::steady_clock::now()).empty());
  const auto plan = ask(book, "INSERT INTO orders (note) VALUES (1)");
  CHECK(plan.what == id_plan::answer::refused);
  CHECK_FALSE(plan.reason.empty());
}

TEST_CASE("an id whose use cannot be recorded is not handed out, and is there when the disk is") {
  scratch_folder folder;
  id_book book{folder.file(), 100};
  fill(book, 1001, 100);
  {
    const locked_file taken(folder.file());
    const auto plan = ask(book, "INSERT INTO orders (note) VALUES (1)");
    CHECK(plan.what == id_plan::answer::refused);
    CHECK(plan.reason.find("cannot be recorded") != std::string::npos);
    CHECK_FALSE(give_block(book, 5001, 100));
  }
  CHECK(next_id(book) == 1001);
}
