#include "fake_server.hpp"
#include "proxy/insert_ids/catalogue.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace holdwater::proxy;
using namespace holdwater::tests;
using rows = std::vector<holdwater::spool::result_row>;

TEST_CASE("a schema's tables are read with their AUTO_INCREMENT columns") {
  fake_server server;
  server.on("information_schema.TABLES", rows{{"d", "plain", "InnoDB", "2026", std::nullopt},
                                              {"d", "v", std::nullopt, std::nullopt, std::nullopt},
                                              {"d", "t", "InnoDB", "2027", "42"},
                                              {"d", "masked", "InnoDB", "2027", "9"}});
  server.on("information_schema.COLUMNS", rows{{"t", "ghost", "1", "int", "INVISIBLE"},
                                               {"t", "id", "3", "bigint unsigned", "auto_increment"}});
  fake_connection connection(server);
  const auto all = read_schema(connection, "d");
  REQUIRE(all.has_value());
  REQUIRE(all->size() == 3); // the column of `masked` may not be seen, so nothing is known of it
  CHECK_FALSE((*all)[0].makes_ids());
  CHECK_FALSE((*all)[1].base_table());
  const auto& t = (*all)[2];
  CHECK(t.column == "id");
  CHECK(t.position == 1); // behind one visible column
  CHECK_FALSE(t.hidden);
  CHECK(t.counter == 42);
}

// A client's account may choose the name; it is asked for with another account's rights.
TEST_CASE("no byte of a name gets into the questions about it") {
  for (const std::string name : {"x' OR '1'='1", "back\\slash'", "\xbf'; --", "tick`"}) {
    fake_server server;
    fake_connection connection(server);
    CHECK(read_table(connection, {name, name}).has_value());
    CHECK(read_unique_columns(connection, {name, name}).has_value());
    CHECK(has_insert_trigger(connection, {name, name}).has_value());
    CHECK(read_names(connection, name).has_value());
    CHECK(server.asked().size() >= 5);
    for (const auto& sql : server.asked()) CHECK(sql.find(name) == std::string::npos);
  }
  fake_server server;
  fake_connection connection(server);
  REQUIRE(prepare_session(connection).has_value());
  CHECK(server.asked().front().starts_with("SET NAMES utf8mb4")); // whatever an init_connect has set
}

TEST_CASE("the server's run is known by its name and its start") {
  fake_server server;
  server.on("'Uptime'", rows{{"Uptime", "100"}});
  server.on("@@hostname", rows{{"db:3306 9.7", "5000", "1", "2"}});
  fake_connection connection(server);
  const auto identity = read_identity(connection);
  REQUIRE(identity.has_value());
  CHECK(identity->started == 4900);
  CHECK(identity->names_folded);
  CHECK(identity->increment == 2);
  auto other = *identity;
  other.started += 2;
  CHECK(identity->same_run(other));
  other.started += 1;
  CHECK_FALSE(identity->same_run(other));
}

TEST_CASE("an integer type's highest value") {
  CHECK(largest_id("tinyint(4)") == 127);
  CHECK(largest_id("smallint(5) unsigned") == 65535);
  CHECK(largest_id("mediumint") == 8388607);
  CHECK(largest_id("int unsigned") == 4294967295);
  CHECK(largest_id("bigint(20)") == std::numeric_limits<std::int64_t>::max());
  CHECK(largest_id("bigint unsigned") == std::numeric_limits<std::uint64_t>::max());
  CHECK(largest_id("double") == 0);
}

TEST_CASE("an error of the server is passed on") {
  fake_server server;
  server.fail_on("information_schema.COLUMNS", {1044, "42000", "denied"});
  fake_connection connection(server);
  const auto all = read_schema(connection, "d");
  REQUIRE_FALSE(all.has_value());
  CHECK(all.error().number == 1044);
}
