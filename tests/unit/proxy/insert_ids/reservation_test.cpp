#include "fake_server.hpp"
#include "proxy/insert_ids/catalogue.hpp"
#include "proxy/insert_ids/reservation.hpp"

#include <doctest/doctest.h>

using namespace holdwater::proxy;
using namespace holdwater::tests;
using rows = std::vector<holdwater::spool::result_row>;

namespace {

struct scene {
  fake_server server;
  std::uint64_t counter = 7;
  fake_connection connection{server};
  id_order order;

  scene() {
    give_orders_table(server, counter);
    order.facts = *read_table(connection, {"shop", "orders"}).value();
    order.count = 100;
  }
  auto reserve() { return reserve_ids(connection, order, 1); }
};

} // namespace

TEST_CASE("the block is what the server generated behind the probing row") {
  scene s;
  const auto made = s.reserve();
  REQUIRE(made.has_value());
  CHECK(made->range == id_range::of(8, 100, 1));
  CHECK_FALSE(made->short_of);
  CHECK(s.server.asked().back() == "ROLLBACK");
}

TEST_CASE("a counter that fell behind the last block is put past it first") {
  scene s;
  s.order.ceiling = 5000;
  const auto made = s.reserve();
  REQUIRE(made.has_value());
  CHECK(made->range.first > 5000);
  CHECK(s.server.count("VALUES (5000)") == 1);
}

TEST_CASE("a small column gives a tenth of what it has left, and nothing at its end") {
  scene s;
  s.server.on("COLUMN_TYPE", rows{{"orders", "id", "1", "tinyint(4)", "auto_increment"}});
  s.order.facts.column_type = "tinyint(4)";
  const auto made = s.reserve();
  REQUIRE(made.has_value());
  CHECK(made->short_of);
  CHECK(made->range.size() == 12);
  s.counter = 120;
  CHECK_FALSE(s.reserve().has_value());
}

TEST_CASE("nothing is reserved when something is not as it should be, and the transaction is rolled back") {
  scene s;
  SUBCASE("an INSERT trigger") {
    s.server.on("information_schema.TRIGGERS", rows{{"1"}});
  }
  SUBCASE("another definition") {
    s.server.on("information_schema.TABLES", rows{{"shop", "orders", "InnoDB", "2031", "1"}});
  }
  SUBCASE("a unique column that cannot be filled") {
    s.server.on("information_schema.STATISTICS", rows{{"d", "day", std::nullopt}});
    s.server.on("DATA_TYPE", rows{{"day", "date", std::nullopt, "NO", ""}});
  }
  SUBCASE("ids that are not in a row") {
    s.server.on("SELECT COUNT(*)", rows{{"99"}});
  }
  SUBCASE("no right to insert") {
    s.server.fail_on("INSERT INTO", {1142, "42000", "denied"});
  }
  const auto made = s.reserve();
  REQUIRE_FALSE(made.has_value());
  CHECK_FALSE(made.error().text.empty());
  CHECK(s.server.asked().back() == "ROLLBACK");
}

TEST_CASE("the rows fill the columns of unique indexes") {
  scene s;
  s.server.on("information_schema.STATISTICS", rows{{"PRIMARY", "id", std::nullopt}, {"e", "email", "20"}});
  s.server.on("DATA_TYPE", rows{{"email", "varchar", "50", "NO", ""}, {"id", "int", std::nullopt, "NO", ""}});
  REQUIRE(s.reserve().has_value());
  CHECK(s.server.count("INSERT INTO `shop`.`orders` (`id`, `email`) VALUES (NULL, '") == 2);
}

TEST_CASE("a block whose rollback was not confirmed is not used") {
  scene s;
  s.server.fail_on("ROLLBACK", {2013, "HY000", "lost"});
  s.server.on("ROLLBACK TO", rows{});
  CHECK_FALSE(s.reserve().has_value());
}
