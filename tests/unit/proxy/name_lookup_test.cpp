// A resolver that hangs keeps nobody, and is asked by one thread at a time.
#include "proxy/replicas/name_lookup.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

using namespace holdwater::proxy;
using namespace std::chrono_literals;

namespace {

constexpr auto patience = 10s;

// Answers when it is let go.
struct slow_resolver {
  std::mutex mutex;
  std::condition_variable changed;
  bool held = true;
  int asked = 0;

  name_lookup::resolver as_function() {
    return [this](const std::string&) {
      std::unique_lock lock(mutex);
      ++asked;
      changed.notify_all();
      changed.wait(lock, [this] { return !held; });
    };
  }
  void wait_until_asked() {
    std::unique_lock lock(mutex);
    REQUIRE(changed.wait_for(lock, patience, [this] { return asked > 0; }));
  }
  void let_go() {
    const std::lock_guard lock(mutex);
    held = false;
    changed.notify_all();
  }
};

} // namespace

TEST_CASE("a name is looked up, and an address is not") {
  static std::atomic<int> asked{0};
  const auto count = [](const std::string&) { ++asked; };
  CHECK(name_lookup("127.0.0.1", count).answers_within(patience));
  CHECK(name_lookup("::1", count).answers_within(patience));
  CHECK(name_lookup("", count).answers_within(patience));
  CHECK(asked == 0);
  name_lookup one("replica.example", count);
  CHECK(one.answers_within(patience));
  CHECK(one.answers_within(patience)); // anew each time
  CHECK(asked == 2);
}

TEST_CASE("a resolver that hangs keeps nobody, and is asked once") {
  static slow_resolver slow; // its thread may be the last one to look at it
  name_lookup one("replica.example", slow.as_function());
  CHECK_FALSE(one.answers_within(1ms));
  slow.wait_until_asked();
  CHECK_FALSE(one.answers_within(1ms));
  slow.let_go();
  CHECK(one.answers_within(patience));
  const std::lock_guard lock(slow.mutex);
  CHECK(slow.asked <= 2); // the last one may be a question of its own
}

TEST_CASE("whoever waits for a resolver is sent away at the end") {
  static slow_resolver slow;
  name_lookup one("replica.example", slow.as_function());
  std::thread waiting([&] { CHECK_FALSE(one.answers_within(1h)); });
  slow.wait_until_asked();
  one.cancel();
  waiting.join();
  CHECK_FALSE(one.answers_within(patience));
  slow.let_go();
}
