#include "admin/history.hpp"

#include <doctest/doctest.h>

using namespace holdwater::admin;
using namespace std::chrono_literals;

namespace {

struct fixture {
  history past{{0.001, 0.01}};
  reading now{.at = std::chrono::system_clock::time_point(1000h),
              .steady = std::chrono::steady_clock::time_point(1h),
              .latencies = {0, 0, 0}};

  void pass(std::chrono::seconds time) {
    now.at += time;
    now.steady += time;
    past.note(now);
  }
};

} // namespace

TEST_CASE_FIXTURE(fixture, "rates and quantiles are those since the sample before") {
  past.note(now);
  now.commands = 100;
  now.latencies = {98, 1, 1};
  pass(2s);
  const auto all = past.fine(0);
  REQUIRE(all.size() == 2);
  CHECK(all[0].commands_per_s == 0);
  CHECK(all[0].p99_s == 0);
  CHECK(all[1].commands_per_s == 50);
  CHECK(all[1].p50_s == 0.001);
  CHECK(all[1].p99_s == 0.01);
  CHECK(past.fine(1).size() == 1);
  CHECK(past.fine(2).empty());
}

TEST_CASE_FIXTURE(fixture, "seconds are kept for a quarter of an hour, and half minutes for a day") {
  for (int i = 0; i < 3000; ++i) pass(1s);
  CHECK(past.fine(0).size() == history::fine_samples);
  CHECK(past.fine(0).front().number == 3000 - history::fine_samples + 1);
  CHECK(past.coarse(0).size() == 100);
}

TEST_CASE_FIXTURE(fixture, "the end of a drain is told by its pace, and its size by the most that waited") {
  now.state = 2;
  now.pending = 1000;
  pass(1s);
  CHECK_FALSE(past.look_ahead().eta_s);
  now.state = history::draining;
  pass(1s);
  CHECK_FALSE(past.look_ahead().eta_s); // nothing to judge by yet
  for (int i = 0; i < 4; ++i) {
    now.pending -= 100;
    now.applied += 120;
    now.accepted += 20;
    pass(1s);
  }
  const auto ahead = past.look_ahead();
  REQUIRE(ahead.eta_s);
  CHECK(*ahead.eta_s == doctest::Approx(6));
  CHECK(ahead.applied_per_s == doctest::Approx(120));
  CHECK(ahead.accepted_per_s == doctest::Approx(20));
  CHECK(ahead.peak_pending == 1000);
  now.pending = 0;
  now.state = history::up;
  pass(1s);
  CHECK_FALSE(past.look_ahead().eta_s);
  CHECK(past.look_ahead().peak_pending == 0);
}

TEST_CASE_FIXTURE(fixture, "a queue that does not get shorter has no end in sight") {
  now.state = history::draining;
  now.pending = 10;
  for (int i = 0; i < 20; ++i) {
    ++now.pending;
    pass(1s);
  }
  CHECK_FALSE(past.look_ahead().eta_s);
}
