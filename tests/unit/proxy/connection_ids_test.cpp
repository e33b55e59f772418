#include "proxy/server/connection_ids.hpp"

#include <doctest/doctest.h>

using namespace holdwater::proxy;
using verdict = connection_ids::verdict;
using std::chrono::seconds;

namespace {

constexpr connection_ids::time_point start{std::chrono::hours(1)};

} // namespace

TEST_CASE("ids that grow are the same server's") {
  connection_ids ids;
  ids.see(5);
  CHECK(ids.judge(ids.take_mark(), 6, start) == verdict::follows);
  CHECK(ids.judge(ids.take_mark(), 9, start) == verdict::follows);
}

TEST_CASE("connections that were begun together may be greeted in any order") {
  connection_ids ids;
  ids.see(5);
  const auto one = ids.take_mark();
  const auto other = ids.take_mark();
  CHECK(ids.judge(one, 7, start) == verdict::follows);
  CHECK(ids.judge(other, 6, start) == verdict::follows);
  CHECK(ids.take_mark().highest == 7);
}

TEST_CASE("an id that was given before is another server's") {
  for (const std::uint64_t id : {1, 6, 7}) {
    CAPTURE(id);
    connection_ids ids;
    ids.see(5);
    CHECK(ids.judge(ids.take_mark(), 7, start) == verdict::follows);
    const auto before = ids.take_mark();
    CHECK(ids.judge(before, id, start) == verdict::another_server);
    CHECK(ids.judge(before, id + 1, start) == verdict::changed); // begun before it was noticed
    CHECK(ids.judge(ids.take_mark(), id + 2, start) == verdict::follows);
  }
}

TEST_CASE("what the monitor finds out for itself is no alarm, and no connection from before it counts") {
  connection_ids ids;
  ids.see(100);
  const auto before = ids.take_mark();
  ids.see(3);
  CHECK(ids.judge(before, 4, start) == verdict::changed);
  CHECK(ids.judge(ids.take_mark(), 5, start) == verdict::follows);
  ids.see(8); // the same server, asked anew
  CHECK(ids.judge(ids.take_mark(), 9, start) == verdict::follows);
}

TEST_CASE("several servers behind one address raise a few alarms, and then none for a while") {
  connection_ids ids;
  const auto jump = [&](seconds at) {
    ids.see(1000);
    return ids.judge(ids.take_mark(), 10, start + at);
  };
  for (int at = 0; at < 5; ++at) CHECK(jump(seconds(at)) == verdict::another_server);
  CHECK(jump(seconds(6)) == verdict::follows);
  CHECK(jump(seconds(599)) == verdict::follows);
  CHECK(jump(seconds(700)) == verdict::another_server);
}

TEST_CASE("alarms that are far apart do not add up") {
  connection_ids ids;
  for (int at = 0; at < 20; ++at) {
    ids.see(1000);
    CHECK(ids.judge(ids.take_mark(), 10, start + seconds(at * 30)) == verdict::another_server);
  }
}
