// How large a part of an export gets, and that the next one goes on where it ends.
#include "proxy/sql_files/export_part.hpp"
#include "proxy/sql_files/unit_head.hpp"
#include "tests/unit/count_in.hpp"
#include "tests/unit/spool/fixtures.hpp"

#include <algorithm>

using namespace holdwater;
using namespace proxy;
using spool::test::append;
using spool::test::make_unit;

namespace {

export_part part_of(spool::spool& queue, const export_question& what) {
  auto part = read_export_part(queue, what, "holdwater_ledger");
  if (!part) FAIL(part.error().context);
  return std::move(*part);
}

std::string in_parts(spool::spool& queue, std::size_t most_units, std::size_t most_bytes) {
  std::string out;
  for (spool::seq after = 0;;) {
    const auto part = part_of(queue, {after, most_units, most_bytes});
    if (part.units == 0) return out;
    out += part.sql;
    after = part.last;
  }
}

} // namespace

TEST_CASE("a part of an export ends by the SQL that it has, whatever the units' texts are") {
  const spool::test::temporary_folder folder;
  auto queue = spool::test::open_or_fail(spool::test::options_in(folder));
  auto bound = make_unit("INSERT INTO t VALUES (?)");
  bound.statements.front().parameters = {{253, false, false, std::string(10'000, 'x')}}; // 20 kB in hex
  auto variable = make_unit("INSERT INTO t VALUES (1)");
  variable.statements.front().user_variables = {{"x", std::string(20'000, '1')}};
  for (int i = 0; i < 20; ++i) REQUIRE(append(*queue, i < 10 ? bound : variable));
  constexpr std::size_t most = 50'000;
  std::uint64_t units = 0;
  for (spool::seq after = 0; after < 20;) {
    const auto part = part_of(*queue, {after, 1000, most});
    CHECK(part.sql.size() < most + 25'000);
    REQUIRE(part.units > 0);
    CHECK(part.last == after + part.units);
    units += part.units;
    after = part.last;
  }
  CHECK(units == 20);
  CHECK(part_of(*queue, {0, 3, 1 << 20}).units == 3);
  CHECK(part_of(*queue, {20, 1000, most}).units == 0);
  CHECK(part_of(*queue, {20, 1000, most}).last == 20);
  const auto whole = part_of(*queue, {0, 1000, 1 << 20});
  CHECK(whole.units == 20);
  CHECK(count_in(in_parts(*queue, 1000, most), unit_head_mark) == 20);
}

TEST_CASE("a part clears what the last unit of the part before has left, also when that is applied by now") {
  const spool::test::temporary_folder folder;
  auto queue = spool::test::open_or_fail(spool::test::options_in(folder));
  auto alice = make_unit("INSERT INTO t VALUES (1)");
  alice.statements.front().user_variables = {{"x", "1"}};
  alice.statements.front().last_insert_id = 7;
  alice.statements.front().context.settings = {{"max_sort_length", "64"}};
  REQUIRE(append(*queue, alice));
  for (int i = 0; i < 2; ++i) REQUIRE(append(*queue, make_unit("INSERT INTO t VALUES (1)")));
  for (const bool applied : {false, true}) {
    CAPTURE(applied);
    if (applied) REQUIRE(queue->mark_applied(1, 1));
    const auto next = part_of(*queue, {1, 1, 1 << 20}).sql;
    CHECK(count_in(next, "SET @`x` = NULL;\n") == 1);
    CHECK(count_in(next, "last_insert_id = 0") == 1);
    CHECK(count_in(next, "SET max_sort_length = DEFAULT;\n") == 1);
    const auto last = part_of(*queue, {2, 1, 1 << 20}).sql;
    CHECK(count_in(last, "NULL") == 0);
    CHECK(count_in(last, "last_insert_id") == 0);
    CHECK(count_in(last, "max_sort_length") == 0);
  }
}
