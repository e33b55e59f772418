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

constexpr std::uint32_t asker = 100'000;

// Connections that are busy, and the one that asks.
running_connections running(const std::vector<std::uint32_t>& numbers, bool of_every_user = false) {
  running_connections said;
  for (const auto one : numbers) said.all[one] = {"app", false, false, 1h};
  said.all[asker] = {"app", false, false, 0s};
  said.own = asker;
  said.of_every_user = of_every_user;
  said.user = "app";
  said.up_for = 1h;
  return said;
}

std::vector<unfinished_command> ended(unfinished_commands& all, const running_connections& said,
                                      std::chrono::microseconds asked = 200s) {
  return all.take_ended(said, asked, [](std::uint64_t) { return false; });
}

} // namespace

TEST_CASE("a command is unfinished until its connection is gone") {
  unfinished_commands all;
  CHECK(all.empty());
  CHECK(!all.may_write(table));
  all.add(of(7));
  CHECK(all.may_write(table));
  CHECK(!all.may_write(other));
  CHECK(ended(all, running({7, 8}), 200s).empty());
  const auto over = ended(all, running({8}), 200s);
  REQUIRE(over.size() == 1);
  CHECK(over.front().connection == 7);
  CHECK(all.empty());
}

TEST_CASE("what was added after the server was asked is not ended by what it said") {
  unfinished_commands all;
  all.add(of(7, "app", 100s));
  CHECK(ended(all, running({}), 99s).empty());
  CHECK(ended(all, running({}), 100s).empty());
  CHECK(ended(all, running({}), 101s).size() == 1);
}

TEST_CASE("another user's connection is seen gone only by who sees all") {
  unfinished_commands all;
  all.add(of(7, "somebody"));
  CHECK(ended(all, running({}), 200s).empty());
  auto busy = running({}, true);
  busy.all[7] = {"somebody", false, false, 1h};
  CHECK(ended(all, busy, 200s).empty());
  CHECK(ended(all, running({}, true), 200s).size() == 1);
}

TEST_CASE("a server that has started since goes on with nothing") {
  unfinished_commands all;
  all.add(of(200'000, "somebody", 100s));
  auto said = running({});
  said.up_for = 99s; // of a whole number of seconds
  CHECK(ended(all, said, 200s).empty());
  said.up_for = 98s;
  CHECK(ended(all, said, 200s).size() == 1);
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
  for (const auto& one : ended(all, running({}), 200s)) ends += one.alters;
  CHECK(ends == unfinished_commands::most - 1);
  CHECK(all.may_write(other));
  auto said = running({});
  said.up_for = 10s;
  for (const auto& one : ended(all, said, 200s)) ends += one.alters;
  CHECK(ends == unfinished_commands::most + 3);
  CHECK(all.empty());
}

TEST_CASE("a connection that has gone on, or is another's now, has ended what it was left with") {
  unfinished_commands all;
  all.add(of(7, "app", 100s));
  auto said = running({7});
  said.all[7] = {"app", true, false, 99s}; // the command may not have arrived
  CHECK(ended(all, said, 200s).empty());
  said.all[7] = {"app", false, false, 2s}; // it may have arrived late
  CHECK(ended(all, said, 200s).empty());
  said.all[7] = {"app", true, false, 97s};
  CHECK(ended(all, said, 200s).size() == 1);
  all.add(of(7, "app", 100s));
  said = running({7});
  said.all[7].user = "other";
  CHECK(ended(all, said, 200s).size() == 1);
}

TEST_CASE("a list without the one that asked for it says nothing") {
  unfinished_commands all;
  all.add(of(7));
  auto said = running({});
  said.all.clear();
  CHECK(ended(all, said).empty());
}

TEST_CASE("what an earlier server was left with is not ended by what the next one says") {
  unfinished_commands all;
  auto one = of(7);
  one.outage = 3;
  one.alters = 1;
  all.add(one);
  const auto moved = [](std::uint64_t outage) { return outage < 4; };
  const auto some = all.take_ended(running({}), 200s, moved); // but its definitions are not the present one's
  REQUIRE(some.size() == 1);
  CHECK(some.front().alters == 1);
  CHECK(some.front().writes.empty());
  CHECK(all.may_write(table));
  CHECK(all.take_ended(running({}), 200s, moved).empty());
}
