// A stream's share of its worker: one peer that never rests must not keep the others from their turn.
#include "proxy/net/transport.hpp"

#include <doctest/doctest.h>

#include <sys/socket.h>
#include <unistd.h>

using namespace holdwater::proxy;
using std::chrono::milliseconds;

namespace {

struct talkative_pair {
  talkative_pair() {
    int ends[2]{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    stream.emplace(sockets, ends[0], owner);
    peer = ends[1];
    sockets.wait(milliseconds(0)); // that it is writable
  }
  ~talkative_pair() { ::close(peer); }
  void tell() const { CHECK(::send(peer, "x", 1, 0) == 1); }

  poller sockets;
  wakeup owner;
  std::optional<transport> stream;
  int peer = -1;
};

} // namespace

TEST_CASE(
    "a stream on which more and more arrives is blocked once in a while, and goes on behind the others") {
  talkative_pair pair;
  int taken = 0;
  pair.tell();
  while (pair.stream->receive() == transport::status::progress) {
    ++taken;
    REQUIRE(taken < 1000);
    pair.stream->received().consume(1);
    pair.tell();
  }
  CHECK(taken > 10);
  CHECK_FALSE(pair.stream->closed());
  pair.stream->arm_receive();
  CHECK_FALSE(pair.stream->maybe_readable());
  pair.sockets.wait(milliseconds(1000));
  CHECK(pair.stream->maybe_readable());
  CHECK(pair.stream->receive() == transport::status::progress);
}

TEST_CASE("an owner that works without waiting is told when its turn is over, and woken behind the others") {
  talkative_pair pair;
  int done = 0;
  while (!pair.stream->turn_is_over()) REQUIRE(++done < 1000);
  CHECK(done > 10);
  pair.sockets.wait(milliseconds(0)); // it may be nothing but writable
  CHECK(pair.stream->maybe_readable());
  CHECK_FALSE(pair.stream->turn_is_over());
}
