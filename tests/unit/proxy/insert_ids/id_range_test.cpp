// Runs of ids within ranges, and the mark on the disk.
#include "proxy/insert_ids/id_range.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace holdwater::proxy;

TEST_CASE("a run lies within one range, the first that has room") {
  const std::vector<id_range> ranges{id_range::of(10, 3, 1), id_range::of(50, 10, 1)};
  CHECK(find_run(ranges, 3, 1, 1)->first == 10);
  const auto large = find_run(ranges, 4, 1, 1);
  REQUIRE(large.has_value());
  CHECK(large->range == 1);
  CHECK(large->first == 50);
  CHECK(large->past == 54);
  CHECK_FALSE(find_run(ranges, 11, 1, 1).has_value());
}

TEST_CASE("a number of rows beyond all measure is refused, not counted round") {
  const std::vector<id_range> ranges{id_range::of(10, 3, 1)};
  CHECK_FALSE(find_run(ranges, std::numeric_limits<std::uint64_t>::max(), 1, 1).has_value());
  CHECK_FALSE(find_run(ranges, 2, 65535, 10).has_value());
}

TEST_CASE("the mark covers the run, is ahead of it, and never passes the range's end by more than a step") {
  for (const std::uint64_t step : {1U, 2U, 10U}) {
    CAPTURE(step);
    auto range = id_range::of(step, 100, step);
    while (const auto run = find_run({range}, 7, step, 0)) {
      const auto mark = mark_for(range, *run);
      CHECK(mark >= run->past);
      CHECK(mark <= range.last + step);
      CHECK((mark - range.first) % step == 0);
      range.next = run->past;
    }
    CHECK(range.left() == 2);
  }
}

TEST_CASE("ids of several ranges are summed up") {
  auto used = id_range::of(10, 5, 1);
  used.next = used.durable = 13;
  const std::vector<id_range> ranges{used, id_range::of(50, 10, 2)};
  CHECK(ids_left(ranges) == 12);
  CHECK(highest_id(ranges) == 68);
  CHECK(highest_used(ranges) == 12);
  CHECK(highest_used({}) == 0);
}

TEST_CASE("a range that a damaged file tells is known for it") {
  CHECK(id_range::of(5, 10, 2).is_sound());
  CHECK_FALSE(id_range{5, 15, 0, 5, 5}.is_sound());
  CHECK_FALSE(id_range{5, 4, 1, 5, 5}.is_sound());
  CHECK_FALSE(id_range{5, 15, 1, 3, 3}.is_sound());
}
