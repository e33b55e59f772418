#include "proxy/net/event_loop.hpp"

#include "proxy/net/ring.hpp"

#include <boost/asio/steady_timer.hpp>
#include <doctest/doctest.h>

#include <functional>
#include <optional>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace holdwater::proxy;
using std::chrono::milliseconds;

namespace {

// Each case runs on epoll, and on a ring where the kernel allows one.
std::vector<bool> backends() {
  static const bool both = ring::why_not().empty();
  return both ? std::vector<bool>{false, true} : std::vector<bool>{false};
}

// Two ends of a connection; `mine` is watched.
struct watched_pair final : poll_target {
  explicit watched_pair(poller& sockets) {
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    REQUIRE_FALSE(sockets.watch(ends[0], this));
  }
  ~watched_pair() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  void on_ready(readiness now) override {
    readable += now.readable ? 1 : 0;
    ended = ended || now.ended;
    if (then) then();
  }
  void tell() const { CHECK(::send(ends[1], "x", 1, 0) == 1); }

  int ends[2]{};
  int readable = 0;
  bool ended = false;
  std::function<void()> then;
};

} // namespace

TEST_CASE("a readable socket is told once for each arrival, without being asked for again") {
  for (const bool on_ring : backends()) {
    CAPTURE(on_ring);
    poller sockets(on_ring);
    watched_pair pair(sockets);
    sockets.wait(milliseconds(0)); // that it is writable
    CHECK(pair.readable == 0);
    for (int arrival = 1; arrival <= 3; ++arrival) {
      pair.tell();
      sockets.wait(milliseconds(1000));
      CHECK(pair.readable == arrival);
      sockets.wait(milliseconds(0)); // nothing new: what is unread is not told again
      CHECK(pair.readable == arrival);
    }
  }
}

TEST_CASE("an end behind unread bytes is told with them") {
  for (const bool on_ring : backends()) {
    CAPTURE(on_ring);
    poller sockets(on_ring);
    watched_pair pair(sockets);
    pair.tell();
    ::shutdown(pair.ends[1], SHUT_WR);
    sockets.wait(milliseconds(1000));
    CHECK(pair.readable == 1);
    CHECK(pair.ended);
  }
}

TEST_CASE("a target that another one's event ends is not called any more") {
  for (const bool on_ring : backends()) {
    CAPTURE(on_ring);
    poller sockets(on_ring);
    watched_pair one(sockets), other(sockets);
    sockets.wait(milliseconds(0));
    one.then = [&] { sockets.forget(&other); };
    other.then = [&] { sockets.forget(&one); };
    one.tell();
    other.tell();
    sockets.wait(milliseconds(1000));
    CHECK(one.readable + other.readable == 1);
  }
}

TEST_CASE("work posted from another thread ends the loop's wait, in order, and none of it is lost") {
  for (const bool on_ring : backends()) {
    CAPTURE(on_ring);
    event_loop loop(on_ring);
    std::vector<int> seen;
    std::thread poster([&] {
      for (int number = 0; number < 1000; ++number) loop.post([&seen, number] { seen.push_back(number); });
      loop.post([&loop] { loop.stop(); });
    });
    loop.run();
    poster.join();
    REQUIRE(seen.size() == 1000);
    for (int number = 0; number < 1000; ++number) CHECK(seen[static_cast<std::size_t>(number)] == number);
  }
}

TEST_CASE("Asio's timers and the sockets both make progress while Asio is in use") {
  for (const bool on_ring : backends()) {
    CAPTURE(on_ring);
    event_loop loop(on_ring);
    watched_pair pair(loop.sockets());
    std::optional<event_loop::asio_user> user(loop);
    boost::asio::steady_timer timer(loop.context(), milliseconds(20));
    bool rang = false;
    timer.async_wait([&](boost::system::error_code) {
      rang = true;
      pair.tell();
    });
    pair.then = [&] {
      if (pair.readable == 0) return;
      user.reset();
      loop.stop();
    };
    loop.run();
    CHECK(rang);
    CHECK(pair.readable == 1);
  }
}

TEST_CASE("a deadline ends the loop's wait, with Asio in use and without") {
  for (const bool on_ring : backends()) {
    CAPTURE(on_ring);
    for (const bool with_asio : {false, true}) {
      event_loop loop(on_ring);
      wakeup wake;
      deadline limit(wake);
      std::optional<event_loop::asio_user> user;
      if (with_asio) user.emplace(loop);
      const auto waits = [&]() -> task<> {
        loop.deadlines().set(limit, milliseconds(1));
        while (!limit.expired()) co_await wake.wait();
        loop.stop();
      };
      loop.post([&] { run_detached(waits()); });
      loop.run();
      CHECK(limit.expired());
    }
  }
}
