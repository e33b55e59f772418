// So many a second, and no more than a second's worth at once.
#include "proxy/cache/fill_budget.hpp"

#include <doctest/doctest.h>

using namespace holdwater::proxy;
using namespace std::chrono_literals;

namespace {

std::uint64_t taken(fill_budget& budget, std::chrono::microseconds now, std::uint64_t rate) {
  std::uint64_t count = 0;
  while (count < 1'000'000 && budget.take(now, rate)) ++count;
  return count;
}

} // namespace

TEST_CASE("a worker that has not copied for long copies a second's worth at once, and then the rate") {
  fill_budget budget;
  CHECK(taken(budget, 1000s, 100) == 101);
  CHECK(taken(budget, 1000s + 9999us, 100) == 0);
  CHECK(taken(budget, 1000s + 10ms, 100) == 1);
  CHECK(taken(budget, 1000s + 60ms, 100) == 5);
  CHECK(taken(budget, 2000s, 100) == 101); // no more for the longer pause
}

TEST_CASE("a rate that changes holds at once, and none is no bound") {
  fill_budget budget;
  CHECK(taken(budget, 1000s, 1) == 2);
  CHECK(taken(budget, 1000s + 999ms, 1) == 0);
  CHECK(taken(budget, 1001s, 1) == 1);
  CHECK(taken(budget, 1002s, 1000) == 1); // the last one has cost a second
  CHECK(taken(budget, 1002s + 1ms, 1000) == 1);
  CHECK(taken(budget, 1002s + 1ms, 0) == 1'000'000);
}
