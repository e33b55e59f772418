// The server over real sockets on port 0: what well-behaved, slow, hostile and vanished clients get.
#include "admin/server.hpp"
#include "tests/unit/admin/fake_control.hpp"
#include "tests/unit/count_in.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <doctest/doctest.h>

#include <thread>

using namespace holdwater::admin;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

struct fixture {
  testing::fake_control on;
  testing::fake_process all{{&on}};
  asio::io_context io;
  std::optional<server> under_test;
  std::uint16_t port = 0;
  std::jthread thread; // last: it ends first

  explicit fixture(settings how = {}) {
    on.now.status = "ok";
    under_test.emplace(io, all, endpoint{"127.0.0.1", 0}, std::move(how));
    const auto bound = under_test->start();
    REQUIRE(bound.has_value());
    port = *bound;
    thread = std::jthread([this] { io.run(); });
  }
  ~fixture() { under_test->stop(); }
};

// A client that sends bytes and reads what comes; a read gives up after a deadline.
class client {
 public:
  explicit client(std::uint16_t port) : socket_(io_) {
    socket_.connect(tcp::endpoint(asio::ip::address_v4::loopback(), port));
    const timeval deadline{20, 0};
    REQUIRE(::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline) == 0);
  }

  // False when the server has closed already.
  bool send(const std::string& text) {
    error_code error;
    asio::write(socket_, asio::buffer(text), error);
    return !error;
  }

  // All until the server closes.
  std::string read_to_end() {
    std::string out;
    for (std::string part = read_some(); !part.empty(); part = read_some()) out += part;
    return out;
  }

  // Until `count` answers that end in the health pages' closing brace, or until the server closes.
  std::string read_until(const std::string& end) {
    std::string out;
    for (std::string part = read_some(); !part.empty(); part = read_some()) {
      out += part;
      if (out.ends_with(end)) break;
    }
    return out;
  }

 private:
  asio::io_context io_;
  tcp::socket socket_;

  std::string read_some() {
    char bytes[4096];
    const auto got = ::recv(socket_.native_handle(), bytes, sizeof bytes, 0);
    if (got < 0 && errno == ECONNRESET) return {};
    REQUIRE_MESSAGE(got >= 0, "nothing came before the deadline");
    return {bytes, static_cast<std::size_t>(got)};
  }
};

std::string get(const std::string& path, const std::string& more = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + more + "\r\n";
}

std::string post(const std::string& path, const std::string& more = "") {
  return "POST " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + more + "Content-Length: 0\r\n\r\n";
}

const std::string close_after = "Connection: close\r\n";

std::string talk(const fixture& f, const std::string& text) {
  client c(f.port);
  REQUIRE(c.send(text));
  return c.read_to_end();
}

} // namespace

TEST_CASE("a page is served with its headers") {
  const fixture f;
  const auto answer = talk(f, get("/livez", close_after));
  CHECK(answer ==
        "HTTP/1.1 200 OK\r\n"
        "Server: holdwater\r\n"
        "Content-Type: application/json\r\n"
        "Cache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
        "Referrer-Policy: no-referrer\r\n"
        "Cross-Origin-Resource-Policy: same-origin\r\n"
        "Connection: close\r\n"
        "Content-Length: 21\r\n\r\n"
        "{\n  \"status\": \"ok\"\n}\n");
}

TEST_CASE("HEAD gets the headers of GET and no body") {
  const fixture f;
  const auto answer = talk(f, "HEAD /livez HTTP/1.1\r\nHost: localhost\r\n" + close_after + "\r\n");
  CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(answer.ends_with("Content-Length: 21\r\n\r\n"));
}

TEST_CASE("pipelined requests are answered in order on one connection") {
  const fixture f;
  const auto answer =
      talk(f, get("/livez") + get("/nothing") + post("/health/sync") + get("/readyz", close_after));
  CHECK(holdwater::count_in(answer, "HTTP/1.1 ") == 4);
  const auto first = answer.find("200 OK");
  const auto second = answer.find("404 Not Found", first);
  const auto third = answer.find("\"done\": true", second);
  CHECK(third < answer.find("\"status\": \"ok\"", third));
  CHECK(f.on.calls() == std::vector<std::string>{"sync 30000"});
}

TEST_CASE("HTTP/1.0 without a Host is served, and the connection closed") {
  const fixture f;
  CHECK(talk(f, "GET /livez HTTP/1.0\r\n\r\n").starts_with("HTTP/1.0 200 OK\r\n"));
}

TEST_CASE("HTTP/1.1 needs one Host that is ours") {
  const fixture f;
  CHECK(talk(f, "GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 400 "));
  CHECK(talk(f, get("/livez", "Host: a\r\n" + close_after)).starts_with("HTTP/1.1 400 "));
  CHECK(talk(f, "GET /livez HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
            .starts_with("HTTP/1.1 403 "));
}

TEST_CASE("a foreign page's POST does nothing") {
  const fixture f;
  CHECK(talk(f, post("/health/sync", "Origin: http://evil.example\r\n" + close_after))
            .starts_with("HTTP/1.1 403 "));
  CHECK(f.on.calls().empty());
}

TEST_CASE("a wrong method is told the right ones") {
  const fixture f;
  const auto answer = talk(f, get("/health/sync", close_after));
  CHECK(answer.starts_with("HTTP/1.1 405 "));
  CHECK(answer.find("\r\nAllow: POST\r\n") != std::string::npos);
}

TEST_CASE("a header that stays unfinished is cut off in time") {
  const fixture f({.request_timeout = 50ms});
  CHECK(talk(f, "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ").empty());
}

TEST_CASE("a client that never says a word is cut off in time") {
  const fixture f({.request_timeout = 50ms});
  CHECK(client(f.port).read_to_end().empty());
}

TEST_CASE("garbage gets 400 and the connection ends") {
  const fixture f;
  CHECK(talk(f, "\x16\x03\x01\x02 not http\r\n\r\n").starts_with("HTTP/1.1 400 "));
}

TEST_CASE("an oversized header gets 431") {
  const fixture f;
  client c(f.port);
  c.send(get("/livez", "X-Long: " + std::string(9 << 10, 'x') + "\r\n"));
  CHECK(c.read_to_end().starts_with("HTTP/1.1 431 "));
}

TEST_CASE("an oversized body gets 413, said or sent") {
  const fixture f;
  const std::string head = "POST /health/sync HTTP/1.1\r\nHost: localhost\r\n";
  CHECK(talk(f, head + "Content-Length: 65537\r\n\r\n").starts_with("HTTP/1.1 413 "));
  client c(f.port);
  c.send(head + "Transfer-Encoding: chunked\r\n\r\n10001\r\n" + std::string(0x10001, 'x') + "\r\n0\r\n\r\n");
  CHECK(c.read_to_end().starts_with("HTTP/1.1 413 "));
  CHECK(f.on.calls().empty());
}

TEST_CASE("a client that waits for 100 Continue gets it") {
  const fixture f;
  client c(f.port);
  REQUIRE(c.send("POST /health/sync HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 2\r\n"
                 "Expect: 100-continue\r\n\r\n"));
  CHECK(c.read_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  REQUIRE(c.send("{}"));
  CHECK(c.read_to_end().starts_with("HTTP/1.1 200 OK"));
}

TEST_CASE("an action is answered when it is done, from another thread") {
  fixture f;
  f.on.answer_at_once = false;
  client c(f.port);
  REQUIRE(c.send(post("/health/sync", close_after)));
  const auto done = f.on.wait_for_action();
  REQUIRE(done);
  client other(f.port); // is served meanwhile
  REQUIRE(other.send(get("/livez", close_after)));
  CHECK(other.read_to_end().starts_with("HTTP/1.1 200 OK"));
  done({false, "still 3 pending", 0});
  const auto answer = c.read_to_end();
  CHECK(answer.starts_with("HTTP/1.1 504 "));
  CHECK(answer.find("still 3 pending") != std::string::npos);
}

TEST_CASE("an action may end after its client has gone") {
  fixture f;
  f.on.answer_at_once = false;
  {
    client c(f.port);
    REQUIRE(c.send(post("/health/reconnect")));
  }
  const auto done = f.on.wait_for_action();
  REQUIRE(done);
  done({true, "", 0});
  CHECK(talk(f, get("/livez", close_after)).starts_with("HTTP/1.1 200 OK"));
}

TEST_CASE("an action may end after the server has gone") {
  control::completion done;
  {
    fixture f;
    f.on.answer_at_once = false;
    client c(f.port);
    REQUIRE(c.send(post("/health/reconnect")));
    done = f.on.wait_for_action();
    REQUIRE(done);
    f.under_test->stop();
    CHECK(c.read_to_end().empty());
    f.thread.join(); // nothing is left to run
  }
  done({true, "", 0});
}

TEST_CASE("one connection too many gets 503, and a place that is free again is used") {
  const fixture f({.most_connections = 2});
  {
    client first(f.port);
    client second(f.port);
    for (auto* c : {&first, &second}) {
      REQUIRE(c->send(get("/livez")));
      CHECK(c->read_until("}\n").starts_with("HTTP/1.1 200 OK"));
    }
    CHECK(talk(f, get("/livez")).starts_with("HTTP/1.1 503 "));
  }
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  std::string answer;
  do { // until the server has seen the others leave
    answer = talk(f, get("/livez", close_after));
  } while (answer.starts_with("HTTP/1.1 503 ") && std::chrono::steady_clock::now() < deadline);
  CHECK(answer.starts_with("HTTP/1.1 200 OK"));
}

TEST_CASE("a port in use is an error value") {
  const fixture f;
  testing::fake_control on;
  asio::io_context io;
  testing::fake_process all{{&on}};
  server second(io, all, {"127.0.0.1", f.port});
  CHECK(second.start().error() == asio::error::address_in_use);
}

TEST_CASE("without a token there is 401 with how to show one; with one there is what its role may have") {
  const fixture f({.access = {"operate-operate-operate", "read-read-read-read"}});
  const auto with = [](const std::string& value) { return "Authorization: " + value + "\r\n" + close_after; };
  const auto none = talk(f, get("/livez", close_after));
  CHECK(none.starts_with("HTTP/1.1 401 "));
  CHECK(none.find("\r\nWWW-Authenticate: Basic realm=\"Holdwater\"") != std::string::npos);
  CHECK(talk(f, get("/livez", with("Bearer read-read-read-read"))).starts_with("HTTP/1.1 200 "));
  CHECK(talk(f, get("/livez", with("Bearer operate-operate-operate"))).starts_with("HTTP/1.1 200 "));
  CHECK(talk(f, get("/livez", with("basic eDpyZWFkLXJlYWQtcmVhZC1yZWFk"))).starts_with("HTTP/1.1 200 "));
  CHECK(talk(f, post("/health/sync", with("Bearer read-read-read-read"))).starts_with("HTTP/1.1 403 "));
  CHECK(f.on.calls().empty());
  CHECK(talk(f, post("/health/sync", with("Bearer operate-operate-operate"))).starts_with("HTTP/1.1 200 "));
  CHECK(f.on.calls() == std::vector<std::string>{"sync 30000"});
}

TEST_CASE(
    "an address that has shown wrong tokens too often is not asked again for a while, also for a right one") {
  const fixture f({.access = {"operate-operate-operate", ""}, .most_failures = 3});
  const auto with = [](const std::string& value) {
    return "Authorization: Bearer " + value + "\r\n" + close_after;
  };
  for (int i = 0; i < 5; ++i)
    CHECK(talk(f, get("/livez", close_after)).starts_with("HTTP/1.1 401 ")); // no guess
  for (int i = 0; i < 3; ++i) CHECK(talk(f, get("/livez", with("wrong"))).starts_with("HTTP/1.1 401 "));
  const auto blocked = talk(f, get("/livez", with("operate-operate-operate")));
  CHECK(blocked.starts_with("HTTP/1.1 429 "));
  CHECK(blocked.find("\r\nRetry-After: 60\r\n") != std::string::npos);
  CHECK(f.on.calls() ==
        std::vector<std::string>{"refused 127.0.0.1 1", "refused 127.0.0.1 2", "refused 127.0.0.1 3"});
}
