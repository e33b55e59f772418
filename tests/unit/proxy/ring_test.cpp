#include "proxy/net/event_loop.hpp"
#include "proxy/net/ring.hpp"
#include "proxy/net/transport.hpp"

#include <boost/asio/steady_timer.hpp>
#include <doctest/doctest.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

using namespace holdwater::proxy;
using std::chrono::milliseconds;
using status = transport::status;

namespace {

// A kernel or container without io_uring has nothing to test.
bool works() {
  static const auto problem = ring::why_not();
  if (!problem.empty()) MESSAGE("io_uring does not work here: ", problem);
  return problem.empty();
}

// A stream on a ring, and the other end of it, which a test plays with plain calls.
struct ringed {
  explicit ringed(poller& sockets) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0); // as they are accepted
    other = ends[1];
    stream = std::make_unique<transport>(sockets, ends[0], wake, true);
    watch();
  }
  ~ringed() {
    if (other >= 0) ::close(other);
  }
  // Counts the wake-ups.
  void watch() {
    watching = [this]() -> task<> {
      while (!over) {
        co_await wake.wait();
        ++woken;
      }
    };
    run_detached(watching());
  }
  void end() {
    over = true;
    wake.notify();
  }
  void tell(const std::string& text) const {
    CHECK(::send(other, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  }
  std::string heard() const { // at the other end
    std::string got(1 << 20, '\0');
    const auto count = ::recv(other, got.data(), got.size(), MSG_DONTWAIT);
    got.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return got;
  }
  bool ended() const { // the other end finds the end
    char next = 0;
    return ::recv(other, &next, 1, MSG_DONTWAIT) == 0;
  }
  std::string received() const {
    const auto bytes = stream->received().bytes();
    return {bytes.begin(), bytes.end()};
  }
  void send(const std::string& text) const {
    holdwater::protocol::byte_span bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
    while (!bytes.empty() && stream->send(bytes) == status::progress) {
    }
    CHECK(bytes.empty());
  }

  wakeup wake;
  std::function<task<>()> watching;
  int other = -1;
  int woken = 0;
  bool over = false;
  std::unique_ptr<transport> stream;
};

} // namespace

TEST_CASE("what arrives wakes who waits for it, once, and is there when it is asked for") {
  if (!works()) return;
  poller sockets(true);
  ringed one(sockets);
  CHECK_FALSE(one.stream->maybe_readable());
  one.stream->arm_receive();
  sockets.wait(milliseconds(0));
  CHECK(one.woken == 0);
  for (int round = 1; round <= 3; ++round) {
    one.tell("hello");
    sockets.wait(milliseconds(1000));
    CHECK(one.woken == round);
    CHECK(one.stream->maybe_readable());
    CHECK(one.received().empty());
    CHECK(one.stream->receive() == status::progress);
    CHECK(one.received() == "hello");
    CHECK_FALSE(one.stream->maybe_readable());
    CHECK(one.stream->receive() == status::blocked);
    one.stream->received().consume(5);
    one.stream->arm_receive();
  }
  one.end();
  one.stream.reset();
  sockets.finish();
}

TEST_CASE("an end behind bytes is found behind them") {
  if (!works()) return;
  poller sockets(true);
  ringed one(sockets);
  one.stream->arm_receive();
  one.tell("last words");
  ::shutdown(one.other, SHUT_WR);
  sockets.wait(milliseconds(1000));
  CHECK(one.stream->receive() == status::progress);
  one.stream->arm_receive();
  sockets.wait(milliseconds(1000));
  CHECK(one.woken == 2);
  CHECK(one.stream->peer_has_left());
  CHECK(one.stream->receive() == status::closed);
  one.end();
}

TEST_CASE("more than the ring's buffers hold arrives whole") {
  if (!works()) return;
  poller sockets(true);
  ringed one(sockets);
  std::string all;
  for (int number = 0; all.size() < 50'000; ++number) all += std::to_string(number) + ' ';
  one.stream->arm_receive();
  one.tell(all);
  sockets.wait(milliseconds(1000));
  while (one.stream->maybe_readable() && one.stream->receive() == status::progress) {
  }
  CHECK(one.received() == all);
  one.end();
}

TEST_CASE("more streams than the ring has buffers are told at once, and none loses a byte") {
  if (!works()) return;
  poller sockets(true);
  std::vector<std::unique_ptr<ringed>> all;
  for (int number = 0; number < 400; ++number) {
    all.push_back(std::make_unique<ringed>(sockets));
    all.back()->stream->arm_receive();
  }
  sockets.wait(milliseconds(0));
  for (const auto& one : all) one->tell("hello");
  for (const auto& one : all) {
    while (one->woken == 0) sockets.wait(milliseconds(1000));
    CHECK(one->woken == 1);
    CHECK(one->stream->receive() == status::progress);
    CHECK(one->received() == "hello");
    one->end();
  }
}

TEST_CASE("what is sent goes out with the next wait, in order, and before the end") {
  if (!works()) return;
  poller sockets(true);
  ringed one(sockets);
  one.send("first ");
  CHECK(one.heard().empty());
  one.send("second"); // hands over what was said before
  CHECK(one.heard() == "first ");
  one.stream->arm_receive();
  one.stream->close();
  CHECK_FALSE(one.ended());
  for (int turn = 0; turn < 3; ++turn) sockets.wait(milliseconds(0));
  CHECK(one.heard() == "second");
  CHECK(one.ended());
  CHECK(one.woken == 0);
  one.end();
}

TEST_CASE("a peer that takes nothing blocks the stream, and hears everything when it does") {
  if (!works()) return;
  poller sockets(true);
  ringed one(sockets);
  std::string all;
  for (int number = 0; all.size() < 4'000'000; ++number) all += std::to_string(number) + ' ';
  holdwater::protocol::byte_span bytes(reinterpret_cast<const std::uint8_t*>(all.data()), all.size());
  std::string got;
  int blocked = 0;
  while (!bytes.empty()) {
    const auto moved = one.stream->send(bytes);
    REQUIRE(moved != status::closed);
    if (moved == status::progress) continue;
    one.stream->arm_send();
    const int before = one.woken;
    sockets.wait(milliseconds(0));
    CHECK(one.woken == before); // nobody has read
    ++blocked;
    for (auto part = one.heard(); !part.empty(); part = one.heard()) got += part;
    sockets.wait(milliseconds(1000));
    CHECK(one.woken == before + 1);
  }
  CHECK(blocked > 1);
  one.stream->close();
  for (int turn = 0; turn < 3; ++turn) {
    sockets.wait(milliseconds(0));
    for (auto part = one.heard(); !part.empty(); part = one.heard()) got += part;
  }
  CHECK(got == all);
  CHECK(one.ended());
  one.end();
}

TEST_CASE("what the kernel has not taken can be withdrawn, and is not sent") {
  if (!works()) return;
  poller sockets(true);
  ringed one(sockets);
  one.send("a write");
  CHECK(one.stream->withdraw());
  CHECK_FALSE(one.stream->withdraw());
  sockets.wait(milliseconds(0));
  CHECK(one.heard().empty());
  one.send("a write");
  sockets.wait(milliseconds(0));
  CHECK_FALSE(one.stream->withdraw());
  CHECK(one.heard() == "a write");
  one.end();
}

TEST_CASE("a send that fails closes the stream, wakes who waits, and counts as not seen whole") {
  if (!works()) return;
  poller sockets(true);
  ringed one(sockets);
  ::close(std::exchange(one.other, -1));
  one.send("a write");
  CHECK_FALSE(one.stream->closed());
  one.stream->arm_receive();
  while (one.woken == 0) sockets.wait(milliseconds(1000));
  CHECK(one.stream->receive() == status::closed);
  CHECK(one.stream->withdraw());
  one.end();
}

TEST_CASE("the news of all streams is noted before any of it is told") {
  if (!works()) return;
  poller sockets(true);
  ringed client(sockets), server(sockets);
  client.stream->arm_receive();
  server.stream->arm_receive();
  sockets.wait(milliseconds(0));
  client.tell("a command");
  ::close(std::exchange(server.other, -1));
  bool known = false;
  client.end();
  const auto reads = [&]() -> task<> {
    co_await client.wake.wait();
    known = server.stream->maybe_readable();
  };
  run_detached(reads());
  sockets.wait(milliseconds(1000));
  CHECK(known);
  server.end();
}

TEST_CASE("a ring ends with operations under way, and streams after it") {
  if (!works()) return;
  poller sockets(true);
  ringed one(sockets), other(sockets);
  one.stream->arm_receive();
  other.send("farewell");
  sockets.wait(milliseconds(0));
  one.stream->arm_receive();
  other.send("and good night");
  sockets.finish();
  CHECK(other.heard() == "farewelland good night");
  one.stream->close();
  CHECK(one.ended());
  one.end();
  other.end();
}
