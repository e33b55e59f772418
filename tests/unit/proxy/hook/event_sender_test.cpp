// Deliveries that succeed, fail, hang and are too many.
#include "proxy/hook/event_sender.hpp"

#include <doctest/doctest.h>

#include <future>
#include <memory>
#include <vector>

using namespace holdwater::proxy;
using namespace std::chrono_literals;

namespace {

// Notes what it is told, and answers as it was told to.
struct notes {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> told;
  std::vector<std::string> wrong; // of the next attempts; then all is well

  event_sender::delivery delivery() {
    return [this](const hook_event& what, const std::stop_token&) -> std::string {
      const std::lock_guard lock(mutex);
      told.push_back(what.kind());
      changed.notify_all();
      if (wrong.empty()) return {};
      auto answer = wrong.front();
      wrong.erase(wrong.begin());
      return answer;
    };
  }
  bool reached(std::size_t count) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 20s, [&] { return told.size() >= count; });
  }
};

} // namespace

TEST_CASE("events come in their order") {
  notes seen;
  event_sender one("test", seen.delivery(), 0ms);
  one.tell(hook_event("a"));
  one.start();
  one.tell(hook_event("b"));
  one.tell(hook_event("c"));
  REQUIRE(seen.reached(3));
  one.stop();
  CHECK(seen.told == std::vector<std::string>{"a", "b", "c"});
  CHECK(one.count().delivered == 3);
}

TEST_CASE("a delivery that fails is tried again, then given up and counted, and the next one has its turn") {
  notes seen;
  seen.wrong = {"no", "no", "no", "no"};
  event_sender one("test", seen.delivery(), 0ms);
  one.start();
  one.tell(hook_event("a"));
  one.tell(hook_event("b"));
  REQUIRE(seen.reached(5));
  one.stop();
  CHECK(seen.told == std::vector<std::string>{"a", "a", "a", "b", "b"});
  CHECK(one.count().failed == 1);
  CHECK(one.count().delivered == 1);
}

TEST_CASE("who tells never waits: what comes behind a thousand is dropped and counted") {
  std::promise<void> begun, ends;
  auto end = ends.get_future().share();
  event_sender one("test",
                   [&, first = true](const hook_event&, const std::stop_token&) mutable -> std::string {
                     if (std::exchange(first, false)) {
                       begun.set_value();
                       end.wait();
                     }
                     return {};
                   });
  one.start();
  one.tell(hook_event("the first"));
  begun.get_future().wait();
  for (std::size_t i = 0; i < event_sender::most_waiting + 7; ++i) one.tell(hook_event("another"));
  CHECK(one.count().waiting == event_sender::most_waiting);
  CHECK(one.count().dropped == 7);
  ends.set_value();
  one.stop();
}

TEST_CASE("an end comes in the middle of a pause, and of a delivery that looks for it") {
  notes seen;
  seen.wrong = {"no"};
  event_sender pauses("test", seen.delivery(), 1h);
  pauses.start();
  pauses.tell(hook_event("a"));
  REQUIRE(seen.reached(1));
  pauses.stop();
  CHECK(seen.told.size() == 1);

  std::promise<void> begun;
  event_sender hangs("test", [&](const hook_event&, const std::stop_token& end) -> std::string {
    std::promise<void> told;
    const std::stop_callback tells(end, [&] { told.set_value(); });
    begun.set_value();
    told.get_future().wait();
    return "it was told to end";
  });
  hangs.start();
  hangs.tell(hook_event("a"));
  begun.get_future().wait();
  hangs.stop();
  CHECK(hangs.count().delivered == 0);
}
