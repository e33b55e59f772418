#include "proxy/session/collected_transaction.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace holdwater;
using proxy::add_within;
using proxy::collected_transaction;

namespace {

spool::statement write(std::string text) {
  spool::statement one;
  one.text = std::move(text);
  return one;
}

std::vector<std::string> texts(const std::vector<spool::statement>& statements) {
  std::vector<std::string> all;
  for (const auto& one : statements) all.push_back(one.text);
  return all;
}

using words = std::vector<std::string>;

} // namespace

TEST_CASE("the writes of one command are bounded by what they take, but for the first") {
  std::vector<spool::statement> all;
  std::uint64_t bytes = 0;
  CHECK(add_within(5000, bytes, write(std::string(9000, 'x')), all));
  CHECK_FALSE(add_within(5000, bytes, write("b"), all));
  CHECK(all.size() == 1);
  all.clear();
  bytes = 0;
  for (int i = 0; i < 4; ++i) CHECK(add_within(5000, bytes, write("a"), all)); // each takes its context, too
  auto large = write("e");
  large.user_variables.push_back({"v", std::string(900, '1')});
  CHECK_FALSE(add_within(5000, bytes, large, all));
  CHECK(all.size() == 4);
  CHECK(bytes == 4 * 1025);
}

TEST_CASE("a transaction gives its statements away in their order, and is over") {
  collected_transaction mine;
  CHECK_FALSE(mine.open());
  mine.begin({.isolation = "SERIALIZABLE"});
  CHECK(mine.open());
  CHECK(mine.empty());
  mine.add(write("a"));
  mine.add(write("b"));
  const auto all = mine.take();
  CHECK(texts(all) == words{"a", "b"});
  CHECK(all[1].context.isolation == "SERIALIZABLE");
  CHECK_FALSE(mine.open());
  CHECK(mine.empty());
}

TEST_CASE("a forgotten transaction leaves nothing, and AND CHAIN keeps its mode") {
  collected_transaction mine;
  mine.begin({.isolation = "SERIALIZABLE", .read_only = true});
  mine.add(write("a"));
  mine.set_savepoint("s");
  mine.forget();
  CHECK_FALSE(mine.open());
  CHECK(mine.ended_one());
  mine.chain();
  CHECK(mine.open());
  CHECK(mine.empty());
  CHECK(mine.mode().read_only);
  CHECK(mine.savepoints().empty());
}

TEST_CASE("going back to a savepoint forgets what came after it, and later savepoints, but not itself") {
  collected_transaction mine;
  mine.begin({});
  mine.add(write("a"));
  mine.set_savepoint("One");
  mine.add(write("b"));
  mine.set_savepoint("two");
  mine.add(write("c"));
  CHECK(mine.roll_back_to("ONE"));
  CHECK(texts(mine.statements()) == words{"a"});
  CHECK_FALSE(mine.roll_back_to("two"));
  CHECK_FALSE(mine.release_savepoint("two"));
  mine.add(write("d"));
  CHECK(mine.roll_back_to("one"));
  CHECK(texts(mine.take()) == words{"a"});
}

TEST_CASE("a savepoint that is set again moves, and one that is released takes later ones with it") {
  collected_transaction mine;
  mine.begin({});
  mine.set_savepoint("a");
  mine.add(write("1"));
  mine.set_savepoint("b");
  mine.add(write("2"));
  mine.set_savepoint("A");
  mine.add(write("3"));
  CHECK(mine.roll_back_to("a"));
  CHECK(texts(mine.statements()) == words{"1", "2"});
  CHECK(mine.release_savepoint("b"));
  CHECK(mine.savepoints().empty());
  CHECK(texts(mine.statements()) == words{"1", "2"});
}

TEST_CASE("a transaction is bounded in statements and in bytes, and going back makes room") {
  collected_transaction mine;
  mine.begin({});
  const collected_transaction::limits two{1 << 20, 2};
  CHECK(mine.has_room_for({write("a")}, two));
  mine.add(write("a"));
  mine.set_savepoint("s");
  mine.add(write(std::string(5000, 'b')));
  CHECK_FALSE(mine.has_room_for({write("c")}, two));
  const collected_transaction::limits small{8000, 100};
  CHECK_FALSE(mine.has_room_for({write(std::string(2000, 'c'))}, small));
  CHECK(mine.roll_back_to("s"));
  CHECK(mine.has_room_for({write(std::string(2000, 'c'))}, small));
  CHECK(mine.has_room_for({write("c")}, two));
}
