#include "proxy/net/deadlines.hpp"
#include "proxy/net/wakeup.hpp"

#include <doctest/doctest.h>

#include <thread>

using namespace holdwater::proxy;

namespace {

// As the event loop does: until nothing is left to wait for.
void run_out(deadline_list& clock) {
  for (auto pause = clock.fire_due(); pause.count() >= 0; pause = clock.fire_due())
    std::this_thread::sleep_for(pause);
}

} // namespace

TEST_CASE("a notification before the wait is not lost") {
  wakeup wake;
  int resumed = 0;
  wake.notify();
  const auto waits = [&]() -> task<> {
    co_await wake.wait();
    ++resumed;
    co_await wake.wait();
    ++resumed;
  };
  run_detached(waits());
  CHECK(resumed == 1);
  wake.notify();
  CHECK(resumed == 2);
}

TEST_CASE("a deadline wakes its owner once, and says so until it is cleared") {
  deadline_list clock;
  wakeup wake;
  deadline limit(wake);
  int woken = 0;
  const auto waits = [&]() -> task<> {
    clock.set(limit, std::chrono::milliseconds(1));
    while (!limit.expired()) {
      co_await wake.wait();
      ++woken;
    }
  };
  run_detached(waits());
  run_out(clock);
  CHECK(woken == 1);
  CHECK(limit.expired());
  CHECK_FALSE(limit.set());
  limit.clear();
  CHECK_FALSE(limit.expired());
}

TEST_CASE("a cleared deadline does not fire") {
  deadline_list clock;
  wakeup wake;
  deadline limit(wake), other(wake);
  clock.set(limit, std::chrono::milliseconds(1));
  clock.set(other, std::chrono::milliseconds(1));
  limit.clear();
  run_out(clock);
  CHECK(other.expired());
  CHECK_FALSE(limit.expired());
}
