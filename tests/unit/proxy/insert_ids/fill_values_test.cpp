#include "proxy/insert_ids/fill_values.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace holdwater::proxy;

namespace {

unique_column column(const char* index, const char* name, const char* type, std::uint64_t length = 0,
                     bool nullable = false) {
  return {index, name, 0, type, length, nullable, false};
}

} // namespace

TEST_CASE("an index with the id in it needs nothing") {
  const auto plan = plan_fill({column("PRIMARY", "id", "int"), column("PRIMARY", "region", "int")}, "id");
  CHECK(plan.obstacle.empty());
  CHECK(plan.column_list().empty());
  CHECK(plan.values(1).empty());
}

TEST_CASE("neighbouring seeds give distinct values that fit the column") {
  const auto plan = plan_fill({column("e", "email", "varchar", 8), column("n", "number", "int")}, "id");
  CHECK(plan.column_list() == ", `email`, `number`");
  std::set<std::string> seen;
  for (std::uint64_t seed = 0xfffffff0ULL; seed < 0xfffffff0ULL + 1000; ++seed)
    seen.insert(plan.values(seed));
  CHECK(seen.size() == 1000);
  CHECK(plan.values(0xabc) == ", '00000abc', 2748");
}

TEST_CASE("a column that may be NULL is NULL, and the first choice of an index") {
  const auto plan = plan_fill({column("u", "a", "varchar", 50), column("u", "b", "date", 0, true)}, "id");
  CHECK(plan.column_list() == ", `b`");
  CHECK(plan.values(1) == ", NULL");
}

TEST_CASE("an index prefix limits the value") {
  auto url = column("u", "url", "text", 65535);
  url.prefix = 7;
  CHECK(plan_fill({url}, "id").values(1) == ", '0000001'");
}

TEST_CASE("two indexes on one column get one value that serves both") {
  auto shorter = column("v", "url", "varchar", 50);
  shorter.prefix = 6;
  const auto plan = plan_fill({column("u", "url", "varchar", 50), shorter}, "id");
  CHECK(plan.column_list() == ", `url`");
  CHECK(plan.values(1) == ", '000001'");
}

TEST_CASE("an index that no made-up value fits is an obstacle") {
  CHECK_FALSE(plan_fill({column("d", "day", "date")}, "id").obstacle.empty());
  CHECK_FALSE(plan_fill({column("c", "code", "char", 2)}, "id").obstacle.empty());
  auto computed = column("g", "sum", "int");
  computed.generated = true;
  CHECK_FALSE(plan_fill({computed}, "id").obstacle.empty());
}
