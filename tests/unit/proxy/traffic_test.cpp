#include "proxy/session/traffic.hpp"

#include "proxy/server/state_history.hpp"

#include <doctest/doctest.h>

#include <numeric>

using namespace holdwater::proxy;
using namespace std::chrono_literals;

TEST_CASE("a duration is counted in the first bucket that is not shorter") {
  duration_histogram one;
  for (const auto took :
       {std::chrono::nanoseconds(0), std::chrono::nanoseconds(100us), std::chrono::nanoseconds(101us),
        std::chrono::nanoseconds(10s), std::chrono::nanoseconds(11s)})
    one.add(took);
  duration_histogram::reading read;
  one.read(read);
  CHECK(read.counts[0] == 2);
  CHECK(read.counts[1] == 1);
  CHECK(read.counts[duration_histogram::bounds_s.size() - 1] == 1);
  CHECK(read.counts.back() == 1);
  CHECK(read.total() == 5);
  CHECK(read.sum_s == doctest::Approx(21.000201));
}

TEST_CASE("a quantile is that of what came since") {
  duration_histogram one;
  for (int i = 0; i < 1000; ++i) one.add(5s);
  duration_histogram::reading before, after;
  one.read(before);
  CHECK(before.quantile_since({}, 0.5) == 5);
  CHECK(before.quantile_since(before, 0.5) == 0);
  for (int i = 0; i < 99; ++i) one.add(80us);
  one.add(30s);
  one.read(after);
  CHECK(after.quantile_since(before, 0.5) == 0.0001);
  CHECK(after.quantile_since(before, 0.99) == 0.0001);
  CHECK(after.quantile_since(before, 1) == 10);
}

TEST_CASE("every action has a course, and only answered commands are timed as forwarded") {
  traffic one;
  one.command(command_kind::select, command_course::forward, 1ms);
  one.command(command_kind::insert, course_of(action::spool), 2ms);
  one.command(command_kind::insert, course_of(action::refuse), 3ms);
  one.held(4ms);
  traffic::totals sum;
  one.read(sum);
  one.read(sum); // a second worker's
  CHECK(sum.of(command_course::forward) == 2);
  CHECK(sum.of(command_course::queue) == 2);
  CHECK(sum.of(command_course::refuse) == 2);
  CHECK(sum.forwarded[static_cast<std::size_t>(duration_class::read)].total() == 2);
  CHECK(sum.queued.total() == 2);
  CHECK(sum.held.total() == 2);
}

TEST_CASE("the states' times add up to the time since the start, and changes are kept with their reasons") {
  state_history one;
  CHECK(one.changes().back().state == server_state::suspect);
  one.enter(server_state::up, false, "");
  one.enter(server_state::down, false, "connect: refused");
  CHECK(one.changes().size() == 3);
  CHECK(one.changes().back().why == "connect: refused");
  const auto seconds = one.seconds();
  CHECK(std::accumulate(seconds.begin(), seconds.end(), 0.0) >= 0);
  for (std::size_t i = 0; i < 2 * state_history::most_changes; ++i) one.enter(server_state::up, false, "");
  CHECK(one.changes().size() == state_history::most_changes);
}
