#include "proxy/own_writes/unfinished.hpp"

#include <doctest/doctest.h>

using namespace holdwater::proxy;
using namespace std::chrono_literals;

namespace {

const auto table = written_tables::hash_of("app", "t");
const auto other = written_tables::hash_of("app", "other");

unfinished_command of(std::uint32_t connection, std::string user = "app",
                      std::chrono::microseconds since = 100s) {
  unfinished_command one;
  one.connection = connection;
  one.user = std::move(user);
  one.writes.push_back({.first = table});
  one.since = since;
  return one;
}

running_connections running(std::unordered_set<std::uint32_t> numbers, bool all = false) {
  return {std::move(numbers), all, "app", 1h};
}

} // namespace

TEST_CASE("a command is unfinished until its connection is gone") {
  unfinished_commands all;
  CHECK(all.empty());
  CHECK(!all.may_write(table));
  all.add(of(7));
  CHECK(all.may_write(table));
  CHECK(!all.may_write(other));
  CHECK(all.take_ended(running({7, 8}), 200s).empty());
  const auto ended = all.take_ended(running({8}), 200s);
  REQUIRE(ended.size() == 1);
  CHECK(ended.front().connection == 7);
  CHECK(all.empty());
}

TEST_CASE("what was added after the server was asked is not ended by what it said") {
  unfinished_commands all;
  all.add(of(7, "app", 100s));
  CHECK(all.take_ended(running({}), 99s).empty());
  CHECK(all.take_ended(running({}), 100s).empty());
  CHECK(all.take_ended(running({}), 101s).size() == 1);
}

TEST_CASE("another user's connection is seen gone only by who sees all") {
  unfinished_commands all;
  all.add(of(7, "somebody"));
  CHECK(all.take_ended(running({}), 200s).empty());
  CHECK(all.take_ended(running({7}, true), 200s).empty());
  CHECK(all.take_ended(running({}, true), 200s).size() == 1);
}

TEST_CASE("a server that has started since goes on with nothing") {
  unfinished_commands all;
  all.add(of(7, "somebody", 100s));
  auto said = running({7});
  said.up_for = 99s; // of a whole number of seconds
  CHECK(all.take_ended(said, 200s).empty());
  said.up_for = 98s;
  CHECK(all.take_ended(said, 200s).size() == 1);
}

TEST_CASE("a write of unknown reach may write any table") {
  unfinished_commands all;
  auto one = of(7);
  one.writes.push_back({.any = true});
  all.add(one);
  CHECK(all.may_write(other));
}

TEST_CASE("past the bound they end with the server's next start, and no change of definitions is forgotten") {
  unfinished_commands all;
  for (std::uint32_t i = 1; i <= unfinished_commands::most + 3; ++i) {
    auto one = of(i);
    one.alters = 1;
    all.add(one);
  }
  CHECK(all.may_write(other));
  std::size_t ends = 0;
  for (const auto& one : all.take_ended(running({}), 200s)) ends += one.alters;
  CHECK(ends == unfinished_commands::most - 1);
  CHECK(all.may_write(other));
  auto said = running({});
  said.up_for = 10s;
  for (const auto& one : all.take_ended(said, 200s)) ends += one.alters;
  CHECK(ends == unfinished_commands::most + 3);
  CHECK(all.empty());
}
