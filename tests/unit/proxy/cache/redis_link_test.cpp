// The connection to a Redis, before a peer that says what no Redis would.
#include "proxy/cache/redis_link.hpp"
#include "tests/unit/proxy/insert_ids/scratch_folder.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <thread>

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace holdwater::proxy;
using namespace std::chrono_literals;

namespace {

// Takes one connection, and answers what it is asked first with `says`, over and over if wished.
class peer {
 public:
  explicit peer(std::string says, int times = 1) : listener_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener_, 1) == 0);
    thread_ = std::thread([this, says = std::move(says), times] {
      const int client = ::accept(listener_, nullptr, nullptr);
      std::array<char, 4096> heard{};
      if (::recv(client, heard.data(), heard.size(), 0) > 0)
        for (int turn = 0; turn < times; ++turn)
          if (::send(client, says.data(), says.size(), MSG_NOSIGNAL) < 0) break;
      while (::recv(client, heard.data(), heard.size(), 0) > 0) {
      }
      ::close(client);
    });
  }
  ~peer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  [[nodiscard]] std::string path() const { return folder_.file("peer.sock"); }

 private:
  test::scratch_folder folder_;
  int listener_;
  std::thread thread_;
};

// What becomes of one command.
std::string trouble_with(const std::string& says, int times = 1,
                         std::vector<redis_reply>* replies = nullptr) {
  const peer there(says, times);
  redis_link link;
  REQUIRE(link.open({.socket = there.path()}, {300ms, 100'000, -1}) == "");
  link.append({"GET", "k"});
  std::vector<redis_reply> unwanted;
  auto why = link.exchange(replies ? *replies : unwanted);
  CHECK(link.is_open() == why.empty());
  link.close();
  return why;
}

} // namespace

TEST_CASE("each kind of reply is understood") {
  std::vector<redis_reply> got;
  CHECK(trouble_with("*2\r\n$2\r\nab\r\n:7\r\n", 1, &got) == "");
  REQUIRE(got.size() == 1);
  REQUIRE(got[0].items.size() == 2);
  CHECK(got[0].items[0].text == "ab");
  CHECK(got[0].items[1].number == 7);
  CHECK(trouble_with("-ERR no\r\n", 1, &got) == "");
  CHECK(got[0].is == redis_reply::kind::error);
  CHECK(trouble_with("$-1\r\n", 1, &got) == "");
  CHECK(got[0].is == redis_reply::kind::nothing);
}

TEST_CASE("what no Redis would say ends the connection, before it costs memory") {
  CHECK(trouble_with("*2000000000\r\n") != "");
  CHECK(trouble_with("*9\r\n") != "");
  CHECK(trouble_with("*1\r\n*1\r\n:1\r\n") != "");
  CHECK(trouble_with("$2000000000\r\n" + std::string(50'000, 'x'), 10) == "its reply is too large");
  CHECK(trouble_with("HTTP/1.1 400 Bad Request\r\n\r\n") != "");
  CHECK(trouble_with("$99999999999999999999\r\n") != "");
  CHECK(trouble_with(":1") == "no answer within 300 ms");
}

TEST_CASE("a silent peer costs the time-out, and nothing when it is time to stop") {
  const peer there("");
  const int stop = ::eventfd(1, EFD_CLOEXEC);
  redis_link link;
  REQUIRE(link.open({.socket = there.path()}, {100s, 100'000, -1}) == "");
  link.set_limits({100s, 100'000, stop});
  link.append({"GET", "k"});
  std::vector<redis_reply> replies;
  CHECK(link.exchange(replies) == "stopped");
  link.close();
  ::close(stop);
}

TEST_CASE("a place where nobody is, is named so") {
  redis_link link;
  CHECK(link.open({.socket = "/nowhere/redis.sock"}, {1s, 1000, -1}) == "No such file or directory");
  CHECK(link.open({.host = "127.0.0.1", .port = 1}, {1s, 1000, -1}) == "Connection refused");
  CHECK(link.open({.host = "no.such.host.invalid"}, {1s, 1000, -1}).starts_with("its name is not known"));
  CHECK(!link.is_open());
}

TEST_CASE("what a peer says of a login is told in one word") {
  const peer there("-WRONGPASS you said secret-word\r\n");
  redis_link link;
  const auto why = link.open({.socket = there.path(), .password = "secret-word"}, {1s, 1000, -1});
  CHECK(why.find("WRONGPASS") != why.npos);
  CHECK(why.find("secret") == why.npos);
  CHECK(!link.is_open());
}
