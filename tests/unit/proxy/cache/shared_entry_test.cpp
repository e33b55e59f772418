// The form of an answer in Redis, and which server it is of.
#include "proxy/cache/service_identity.hpp"
#include "proxy/cache/shared_entry.hpp"
#include "proxy/config/options.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace holdwater;
using namespace holdwater::proxy;
using namespace std::chrono_literals;

namespace {

spool::key_ring_ptr ring(const std::string& text) {
  auto made = spool::key_ring::parse(text);
  REQUIRE(made.has_value());
  return *made;
}
const std::string key_1(64, '1'), key_2(64, '2');

shared_entry example() {
  return {"n00112233445566778899aabbccddeeff", 1795693810000000us, 1795693810000412us, "an answer"};
}

boost::system::error_code error_of(std::string_view bytes, const spool::key_ring_ptr& keys = {}) {
  const auto read = read_shared(bytes, "k", keys);
  REQUIRE_FALSE(read.has_value());
  return read.error().code;
}

} // namespace

TEST_CASE("an answer comes back from its form, which is as described") {
  const auto bytes = write_shared(example(), "k", {});
  CHECK(bytes.substr(0, 80) ==
        "HW1 n00112233445566778899aabbccddeeff 00001795693810000000 00001795693810000412 ");
  CHECK(bytes.size() == entry_head_size + 9);
  CHECK(bytes.substr(entry_moment_at, entry_moment_size) == "00001795693810000000");
  const auto read = read_shared(bytes, "k", {});
  REQUIRE(read.has_value());
  CHECK(read->generation == example().generation);
  CHECK(read->at == example().at);
  CHECK(read->wall_at == example().wall_at);
  CHECK(read->answer == "an answer");
}

TEST_CASE("a form that is cut, or has a byte changed, is noticed") {
  const auto bytes = write_shared(example(), "k", {});
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK(error_of(bytes.substr(0, size)) == spool::errc::corrupt);
  for (const std::size_t at : {0u, 4u, 37u, 60u, 85u, 88u, 90u}) {
    auto other = bytes;
    other[at] = static_cast<char>(other[at] ^ 0x40);
    CHECK(error_of(other) == spool::errc::corrupt);
  }
}

TEST_CASE("with a data key an answer is sealed, and bound to its key, its generation and its moments") {
  const auto bytes = write_shared(example(), "k", ring(key_1));
  CHECK(bytes.find("an answer") == bytes.npos);
  REQUIRE(read_shared(bytes, "k", ring(key_1)).has_value());
  CHECK(read_shared(bytes, "k", ring(key_1))->answer == "an answer");
  CHECK(read_shared(bytes, "k", ring(key_2 + "\n" + key_1))->answer == "an answer");
  CHECK(error_of(bytes) == spool::errc::wrong_key);
  CHECK(error_of(bytes, ring(key_2)) == spool::errc::wrong_key);
  const auto elsewhere = read_shared(bytes, "K", ring(key_1));
  REQUIRE_FALSE(elsewhere.has_value());
  CHECK(elsewhere.error().code == spool::errc::corrupt);
  for (const std::size_t at : {std::size_t{10}, entry_moment_at + 19, entry_moment_at + 40}) {
    auto other = bytes;
    other[at] = other[at] == '1' ? '2' : '1';
    CHECK(error_of(other, ring(key_1)) == spool::errc::corrupt);
  }
}

TEST_CASE("what is in clear is not taken where there is a key") {
  CHECK(error_of(write_shared(example(), "k", {}), ring(key_1)) == spool::errc::wrong_key);
}

TEST_CASE("what was forgotten has no answer, with a key as well") {
  auto one = example();
  one.answer.clear();
  for (const auto& keys : {spool::key_ring_ptr(), ring(key_1)}) {
    const auto bytes = write_shared(one, "k", keys);
    CHECK(bytes.size() == entry_head_size);
    REQUIRE(read_shared(bytes, "k", keys).has_value());
    CHECK(read_shared(bytes, "k", keys)->answer.empty());
  }
}

TEST_CASE("no two generations are alike, and each is known as one") {
  std::set<std::string> seen;
  for (int turn = 0; turn < 100; ++turn) {
    const auto one = make_generation(turn % 2 ? generation_cause::cleared : generation_cause::none_there);
    CHECK(is_generation(one));
    CHECK(one.front() == (turn % 2 ? 'c' : 'n'));
    seen.insert(one);
  }
  CHECK(seen.size() == 100);
  for (const char* text : {"", "n", "x00112233445566778899aabbccddeeff", "n00112233445566778899aabbccddeef",
                           "n00112233445566778899aabbccddeefg", "n00112233445566778899aabbccddeeff0"})
    CHECK_FALSE(is_generation(text));
}

TEST_CASE("two proxies share only before the same server") {
  const auto identity = [](auto change, std::string_view machine = "one") {
    options settings;
    settings.server.host = "db.internal";
    change(settings);
    return service_identity(settings, machine);
  };
  const auto usual = identity([](options&) {});
  CHECK(usual.size() == 32);
  CHECK(identity([](options&) {}, "another") == usual);
  CHECK(identity([](options& o) { o.server.host = "db2.internal"; }) != usual);
  CHECK(identity([](options& o) { o.server.port = 3307; }) != usual);
  CHECK(identity([](options& o) { o.server.host = "db.internal,db2.internal"; }) != usual);
  CHECK(identity([](options& o) { o.server.host = "db.internal,db2.internal"; }) ==
        identity([](options& o) { o.server.host = "db2.internal:3306,db.internal:3306"; }));
  // these are another server on each machine
  for (const char* host : {"127.0.0.1", "localhost", "::1", "127.1.2.3"}) {
    const auto local = [&](options& o) { o.server.host = host; };
    CHECK(identity(local) == identity(local));
    CHECK(identity(local) != identity(local, "another"));
  }
  const auto by_socket = [](options& o) { o.server.socket = "/run/mysqld/mysqld.sock"; };
  CHECK(identity(by_socket) != identity(by_socket, "another"));
  // unless they are given a name
  const auto named = [](options& o) {
    o.server.host = "127.0.0.1";
    o.cache.redis_service = "shop";
  };
  CHECK(identity(named) == identity(named, "another"));
  CHECK(identity([](options& o) { o.cache.redis_service = "shop"; }) == identity(named));
  CHECK(identity([](options& o) { o.cache.redis_service = "other"; }) != identity(named));
}
