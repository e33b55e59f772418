#include "fake_server.hpp"
#include "proxy/insert_ids/plain_tables.hpp"

#include <doctest/doctest.h>

using namespace holdwater::proxy;
using namespace holdwater::tests;
using rows = std::vector<holdwater::spool::result_row>;

TEST_CASE("plain tables are those without anything that changes what was written") {
  fake_server server;
  server.on("TABLE_TYPE='BASE TABLE'", rows{{"a"}, {"b"}, {"c"}, {"d"}});
  server.on("information_schema.COLUMNS", rows{{"b"}});
  server.on("information_schema.TRIGGERS", rows{{"c"}});
  server.on("REFERENTIAL_CONSTRAINTS", rows{{"d"}, {"elsewhere"}});
  server.on("USER_PRIVILEGES", rows{{"1"}});
  fake_connection connection(server);
  const auto found = read_plain_tables(connection, "shop'; --");
  REQUIRE(found.has_value());
  CHECK(*found == std::set<std::string>{"a"});
  for (const auto& sql : server.asked()) CHECK(sql.find("shop") == std::string::npos);
}

TEST_CASE("an account that could not see a trigger knows none") {
  fake_server server;
  server.on("TABLE_TYPE='BASE TABLE'", rows{{"a"}});
  fake_connection connection(server);
  const auto found = read_plain_tables(connection, "shop");
  REQUIRE(found.has_value());
  CHECK(found->empty());
}

TEST_CASE("what was looked at before a definition changed is not taken") {
  plain_tables known;
  const auto before = known.version();
  known.replace(before, "shop", {"a"});
  CHECK(known.has("shop", "a"));
  CHECK_FALSE(known.has("other", "a"));
  CHECK_FALSE(known.has("shop", "A"));
  known.forget();
  CHECK_FALSE(known.has("shop", "a"));
  known.replace(before, "shop", {"a"});
  CHECK_FALSE(known.has("shop", "a"));
  known.replace(known.version(), "shop", {"a"});
  CHECK(known.has("shop", "a"));
}
