// What is known of the units that wait.
#include "proxy/own_writes/written_rows.hpp"

#include <doctest/doctest.h>

using namespace holdwater::proxy;

namespace {

const holdwater::spool::table_name t{"shop", "t"}, u{"shop", "u"};

row_write erasing(const holdwater::spool::table_name& table, std::string number) {
  row_write one{table, holdwater::protocol::sql::point_write{}, 0, 1};
  one.what->what = holdwater::protocol::sql::point_write::kind::erase;
  one.what->where = {"id", std::move(number), false};
  return one;
}

std::string numbers(const std::optional<row_writes>& found) {
  if (!found) return "unknown";
  std::string out;
  for (const auto& one : *found) out += one->what->where.number + " ";
  return out;
}

} // namespace

TEST_CASE("a table's writes come in the order of their units, without those that are settled or later") {
  written_rows rows;
  rows.add(1, {erasing(t, "1"), erasing(u, "9"), erasing(t, "2")});
  rows.add(2, {});
  rows.add(3, {erasing(t, "3")});
  CHECK(numbers(rows.on(t, 0, 3)) == "1 2 3 ");
  CHECK(numbers(rows.on(t, 0, 2)) == "1 2 ");
  CHECK(numbers(rows.on(u, 0, 3)) == "9 ");
  CHECK(numbers(rows.on(t, 1, 3)) == "3 ");
  CHECK(numbers(rows.on(t, 3, 3)) == "");
  CHECK(numbers(rows.on(t, 0, 3)) == "unknown"); // what was settled is forgotten
}

TEST_CASE("units that were not seen make everything unknown until they are settled") {
  written_rows rows;
  CHECK(numbers(rows.on(t, 0, 4)) == "unknown"); // from before the start
  rows.add(5, {erasing(t, "5")});
  CHECK(numbers(rows.on(t, 0, 5)) == "unknown");
  CHECK(numbers(rows.on(t, 4, 5)) == "5 ");
  rows.add(6, {erasing(t, "6")});
  rows.add(8, {erasing(t, "8")}); // 7 is a dead letter that is tried again
  CHECK(numbers(rows.on(t, 4, 8)) == "unknown");
  CHECK(numbers(rows.on(t, 6, 8)) == "unknown");
  CHECK(numbers(rows.on(t, 7, 8)) == "8 ");
  CHECK(numbers(rows.on(t, 7, 9)) == "unknown"); // it is not told of yet
}

TEST_CASE("names that may be the same are not taken for others") {
  written_rows rows;
  rows.add(1, {erasing({"shop", "T"}, "1")});
  CHECK(numbers(rows.on(t, 0, 1)) == "unknown");
  CHECK(numbers(rows.on(u, 0, 1)) == "");
  CHECK(numbers(rows.on({"shop", "\xc3\xa4"}, 0, 1)) == "unknown");
}

TEST_CASE("more than there is room for is not kept") {
  written_rows rows(2000);
  for (unsigned number = 1; number <= 100; ++number) rows.add(number, {erasing(t, std::to_string(number))});
  CHECK(numbers(rows.on(t, 0, 100)) == "unknown");
  CHECK(numbers(rows.on(t, 100, 100)) == "");
}
