// Lists of servers as they are written.
#include "proxy/config/server_places.hpp"

#include "proxy/config/options.hpp"

#include <doctest/doctest.h>

using namespace holdwater::proxy;

TEST_CASE("replicas are hosts with ports, or unix sockets, in their order") {
  const auto all = parse_places("db2:3307, 10.0.0.3 ,[::1]:3308,[fe80::2], /run/mysqld/replica.sock");
  REQUIRE(all);
  const std::vector<server_place> expected{{"db2", 3307, {}},
                                           {"10.0.0.3", 3306, {}},
                                           {"::1", 3308, {}},
                                           {"fe80::2", 3306, {}},
                                           {"localhost", 3306, "/run/mysqld/replica.sock"}};
  CHECK(*all == expected);
  std::string names;
  for (const auto& one : *all) names += one.name() + " ";
  CHECK(names == "db2:3307 10.0.0.3:3306 [::1]:3308 [fe80::2]:3306 /run/mysqld/replica.sock ");
  CHECK(parse_places("")->empty());
  CHECK(parse_places("  ")->empty());
}

TEST_CASE("what is no place is named") {
  for (const std::string list :
       {"a:0", "a:65536", "a:", ":3306", "a:b", "::1", "[::1", "[::1]x", "[]:1", "a b", "a:1x"}) {
    CAPTURE(list);
    std::string wrong;
    CHECK(!parse_places("db2," + list, &wrong));
    CHECK(wrong == list);
  }
  CHECK(!parse_places("a,"));
  CHECK(!parse_places(",a"));
  std::string many;
  for (std::size_t i = 0; i < most_replicas; ++i) many += "a,";
  CHECK(!parse_places(many + "b"));
  CHECK(parse_places(many.substr(0, many.size() - 1)));
}

TEST_CASE("the servers of a list have server.port where they name none, and one host is taken as it is") {
  options given;
  given.server.port = 3307;
  given.server.host = "db1, db2:3308, [::1], /run/s";
  const std::vector<server_place> expected{
      {"db1", 3307, {}}, {"db2", 3308, {}}, {"::1", 3307, {}}, {"localhost", 3307, "/run/s"}};
  CHECK(places_of_servers(given) == expected);
  given.server.host = "::1";
  CHECK(places_of_servers(given) == std::vector<server_place>{{"::1", 3307, {}}});
}
