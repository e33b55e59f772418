#include "proxy/net/task.hpp"
#include "proxy/net/wakeup.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace holdwater::proxy;

namespace {

task<std::string> says(std::string what) {
  co_return what;
}

task<int> waits_and_counts(wakeup& wake, int rounds) {
  int woken = 0;
  while (woken < rounds) {
    co_await wake.wait();
    ++woken;
  }
  co_return woken;
}

task<int> throws_after(wakeup* wake) {
  if (wake) co_await wake->wait();
  throw std::runtime_error("thrown");
}

} // namespace

TEST_CASE("a task begins when it is awaited, and its value is the waiter's without anybody having waited") {
  std::vector<std::string> seen;
  const auto outer = [&]() -> task<> {
    auto later = says("second");
    auto sooner = says("first");
    seen.push_back(co_await sooner);
    seen.push_back(co_await later);
  };
  auto all = outer();
  CHECK(seen.empty());
  run_detached(std::move(all));
  CHECK(seen == std::vector<std::string>{"first", "second"});
}

TEST_CASE("a task that waits resumes all that await it, and they go on to wait anew") {
  wakeup wake;
  int total = 0;
  const auto outer = [&]() -> task<int> {
    int sum = 0;
    for (int round = 0; round < 1000; ++round) sum += co_await waits_and_counts(wake, 2);
    co_return sum;
  };
  const auto outermost = [&]() -> task<> { total = co_await outer(); };
  run_detached(outermost());
  for (int woken = 0; woken < 1999; ++woken) wake.notify();
  CHECK(total == 0);
  wake.notify();
  CHECK(total == 2000);
}

TEST_CASE("what a task throws is thrown where it is awaited, at once and after a wait") {
  for (const bool waits : {false, true}) {
    wakeup wake;
    std::string caught;
    const auto outer = [&]() -> task<> {
      try {
        co_await throws_after(waits ? &wake : nullptr);
      } catch (const std::exception& thrown) {
        caught = thrown.what();
      }
    };
    run_detached(outer());
    if (waits) wake.notify();
    CHECK(caught == "thrown");
  }
}

TEST_CASE("a task that is never awaited, and one that has ended, let go what they hold") {
  const auto held = std::make_shared<int>(0);
  const auto holds = [](std::shared_ptr<int> one) -> task<> {
    const auto copy = one;
    co_return;
  };
  { const auto never = holds(held); }
  CHECK(held.use_count() == 1);
  run_detached(holds(held));
  CHECK(held.use_count() == 1);
}

TEST_CASE("many tasks that return at once need no deeper stack") {
  long sum = 0;
  const auto one = []() -> task<int> { co_return 1; };
  const auto outer = [&]() -> task<> {
    for (int round = 0; round < 1'000'000; ++round) sum += co_await one();
  };
  run_detached(outer());
  CHECK(sum == 1'000'000);
}
