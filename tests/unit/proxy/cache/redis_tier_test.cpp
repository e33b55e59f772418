// The shared tier behind the memory, with its thread, before a real Redis.
#include "proxy/cache/key_digest.hpp"
#include "proxy/cache/redis_tier.hpp"
#include "proxy/cache/shared_entry.hpp"
#include "tests/unit/proxy/cache/redis_process.hpp"
#include "tests/unit/proxy/cache/stored_answers.hpp"

#include "spool/boot_clock.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <future>
#include <thread>

using namespace holdwater;
using namespace holdwater::proxy;
using namespace std::chrono_literals;
using test::stored;

namespace {

constexpr std::uint64_t megabyte = 1 << 20;

struct changes {
  std::string identity = "one server";
  std::string key, password;
  std::chrono::milliseconds timeout{10s};
  std::chrono::seconds max_stale{3600};
};

spool::key_ring_ptr ring(const std::string& text) {
  return text.empty() ? spool::key_ring_ptr() : spool::key_ring::parse(text).value();
}

template <class Condition>
bool eventually(Condition condition) {
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (!condition() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  return condition();
}

// A Holdwater's memory, with the tier behind it.
struct member {
  explicit member(const test::redis_process& redis, const changes& other = {}, bool waits = true)
      : tier(memory,
             {{.socket = redis.socket(), .password = other.password},
              "hw:",
              other.identity,
              other.timeout,
              other.max_stale,
              megabyte / 4},
             ring(other.key), [this] {
               memory.clear();
               ++cleared;
             }) {
    memory.keep_unsaved(memory_tier::saver::redis);
    tier.start();
    if (waits) REQUIRE(eventually([&] { return tier.count().up; }));
  }
  void fill(const std::string& key, char mark, cache_moment at = spool::since_boot()) {
    memory.fill(key, protocol::as_bytes(stored(mark)), at);
  }
  // Until it is there.
  void save(const std::string& key, char mark, cache_moment at = spool::since_boot()) {
    const auto before = tier.count().written;
    fill(key, mark, at);
    REQUIRE(eventually([&] { return tier.count().written > before; }));
  }
  // What is found when the memory has nothing.
  std::string seek(const std::string& key) {
    memory.forget(key);
    const auto look = tier.seek(key, [] {});
    REQUIRE(eventually([&] { return look->done.load(); }));
    const auto one = memory.find(key);
    return one ? std::string(protocol::as_text(one->bytes)) : "nothing";
  }
  bool looks_at_once(const std::string& key) {
    return tier.seek(key, [] {})->done;
  }

  memory_tier memory{megabyte, megabyte / 4, 3600s};
  std::atomic<int> cleared{0};
  redis_tier tier;
};

std::string name_of(const std::string& key) {
  std::string out = "hw:1:one server:";
  for (const unsigned char byte : digest_of(key)) out += fmt::format("{:02x}", byte);
  return out;
}

// By more than a way to Redis and back, which is how exactly a moment is known.
cache_moment a_while_ago() {
  const auto then = spool::since_boot();
  REQUIRE(eventually([&] { return spool::since_boot() - then > 500ms; }));
  return then;
}

// What lies in Redis, past the tier.
struct raw_redis {
  explicit raw_redis(const test::redis_process& redis) {
    REQUIRE(link.open({.socket = redis.socket()}, {10s, 10 * megabyte, -1}) == "");
  }
  redis_reply ask(std::initializer_list<std::string_view> words) {
    link.append(words);
    std::vector<redis_reply> replies;
    REQUIRE(link.exchange(replies) == "");
    return replies.at(0);
  }
  redis_link link;
};

} // namespace

TEST_CASE("what one was answered another finds, and only under its key") {
  const test::redis_process redis;
  member one(redis), other(redis);
  one.save("k", 'v');
  CHECK(other.seek("k") == stored('v'));
  CHECK(other.seek("K") == "nothing");
  CHECK(other.tier.count().found == 1);
  std::promise<void> ended;
  other.memory.clear();
  const auto look = other.tier.seek("k", [&] { ended.set_value(); });
  REQUIRE(ended.get_future().wait_for(20s) == std::future_status::ready);
  CHECK(look->done);
  CHECK(other.memory.find("k"));
}

// But for a batch that is on its way in that very moment, which ends the connection: then once more.
TEST_CASE("what is not written when it ends is written then") {
  const test::redis_process redis;
  member other(redis);
  auto all_found = [&, round = 0]() mutable {
    const auto name = [round = round++](int turn) { return fmt::format("{} {}", round, turn); };
    {
      member one(redis);
      for (int turn = 0; turn < 1000; ++turn) one.fill(name(turn), 'v');
    }
    for (int turn = 0; turn < 1000; ++turn)
      if (other.seek(name(turn)) != stored('v')) return false;
    return true;
  };
  bool found = false;
  CHECK(eventually([&] { return found = found || all_found(); }));
}

TEST_CASE("another server's proxies do not share, although the Redis is the same") {
  const test::redis_process redis;
  member one(redis), stranger(redis, {.identity = "another server"});
  one.save("k", 'v');
  CHECK(stranger.seek("k") == "nothing");
  stranger.tier.clear();
  int turn = 0; // what is asked before the clear has come to Redis is not written
  REQUIRE(eventually([&] {
    stranger.fill("x", ++turn % 2 ? 'v' : 'w');
    return stranger.tier.count().written > 0;
  }));
  CHECK(one.seek("k") == stored('v'));
  CHECK(one.cleared == 0);
}

TEST_CASE("what was cleared by one is found by none, and is not in the others' memory") {
  const test::redis_process redis;
  member one(redis), other(redis);
  one.save("k", 'v');
  other.fill("in memory", 'v');
  one.tier.clear();
  REQUIRE(eventually([&] { return other.cleared == 1; }));
  CHECK(!other.memory.find("in memory"));
  CHECK(other.seek("k") == "nothing");
  CHECK(one.seek("k") == "nothing");
  CHECK(one.cleared == 0);
  other.save("k", 'w');
  CHECK(one.seek("k") == stored('w'));
}

TEST_CASE("what was asked before a clear is not written after it") {
  const test::redis_process redis;
  member one(redis), other(redis);
  const auto before = spool::since_boot();
  one.tier.clear();
  REQUIRE(eventually([&] { return other.cleared == 1; }));
  other.fill("k", 'v', before);
  one.fill("k", 'v', before);
  one.save("x", 'v');
  other.save("y", 'v');
  CHECK(member(redis).seek("k") == "nothing");
}

TEST_CASE("what was forgotten is not found, and nothing older comes in its place") {
  const test::redis_process redis;
  member one(redis), other(redis);
  const auto before = a_while_ago();
  one.save("k", 'v');
  one.tier.forget("k");
  REQUIRE(eventually([&] { return other.seek("k") == "nothing"; }));
  other.fill("k", 'o', before);
  other.save("x", 'v');
  CHECK(one.seek("k") == "nothing");
  other.save("k", 'n');
  CHECK(one.seek("k") == stored('n'));
}

TEST_CASE("an older answer does not replace a younger one, whoever writes last") {
  const test::redis_process redis;
  member one(redis), other(redis);
  const auto early = a_while_ago();
  one.save("k", 'n');
  other.fill("k", 'o', early);
  other.save("x", 'v');
  CHECK(member(redis).seek("k") == stored('n'));
}

TEST_CASE("an answer is as old in another proxy's memory as it was") {
  const test::redis_process redis;
  member one(redis), other(redis);
  const auto then = spool::since_boot();
  one.save("k", 'v', then);
  CHECK(other.seek("k") == stored('v'));
  const auto at = other.memory.find("k")->at;
  CHECK(at <= then);
  CHECK(at > then - 5s);
  member impatient(redis, {.max_stale = 1s});
  CHECK(eventually([&] { return impatient.seek("k") == "nothing"; }));
}

TEST_CASE("a frozen Redis costs one look-up its time-out, and the others nothing") {
  const test::redis_process redis;
  member one(redis, {.timeout = 300ms});
  one.save("k", 'v');
  redis.freeze();
  CHECK(one.seek("k") == "nothing");
  CHECK(!one.tier.count().up);
  CHECK(one.looks_at_once("k"));
  CHECK(!one.tier.count().trouble.empty());
  redis.thaw();
  REQUIRE(eventually([&] { return one.tier.count().up; }));
  CHECK(one.seek("k") == stored('v'));
  CHECK(one.tier.count().trouble == "");
}

TEST_CASE("a frozen Redis does not hold up the end") {
  const test::redis_process redis;
  const auto begun = std::chrono::steady_clock::now();
  {
    member one(redis, {.timeout = 100s});
    redis.freeze();
    one.fill("k", 'v');
    CHECK(!one.looks_at_once("k"));
  }
  CHECK(std::chrono::steady_clock::now() - begun < 50s);
  redis.thaw();
}

TEST_CASE("a clear that is due while Redis is away is done before anything is read") {
  const test::redis_process redis;
  member one(redis, {.timeout = 300ms});
  one.save("k", 'v');
  redis.freeze();
  one.tier.clear();
  CHECK(one.looks_at_once("k"));
  REQUIRE(eventually([&] { return !one.tier.count().up; }));
  redis.thaw();
  REQUIRE(eventually([&] { return one.tier.count().up; }));
  CHECK(one.seek("k") == "nothing");
  CHECK(member(redis).seek("k") == "nothing");
}

TEST_CASE("a Redis that is not there is no tier, and one that comes is") {
  test::redis_process redis;
  redis.kill();
  member one(redis, {}, false);
  REQUIRE(eventually([&] { return !one.tier.count().trouble.empty(); }));
  CHECK(one.looks_at_once("k"));
  redis.start();
  REQUIRE(eventually([&] { return one.tier.count().up; }));
  one.save("k", 'v');
  redis.kill();
  REQUIRE(eventually([&] { return !one.tier.count().up; }));
  CHECK(one.looks_at_once("k"));
  redis.start(); // and it has lost all, which is no clear
  REQUIRE(eventually([&] { return one.tier.count().up; }));
  CHECK(one.cleared == 0);
  one.save("k", 'w');
  CHECK(member(redis).seek("k") == stored('w'));
}

TEST_CASE("a value that none of us wrote is removed, and is no answer") {
  const test::redis_process redis;
  member one(redis);
  raw_redis raw(redis);
  one.save("true", 'v');
  const auto sound = raw.ask({"GET", name_of("true")}).text;
  const auto generation = raw.ask({"GET", "hw:1:one server:generation"}).text;
  auto future = shared_entry{generation, spool::since_epoch() + 3600s, spool::since_epoch(), stored('v')};
  auto no_answer = shared_entry{generation, spool::since_epoch() - 1s, spool::since_epoch(), "rows"};
  auto cut = sound;
  cut.back() = 'x';
  const std::string large(megabyte, 'x');
  std::uint64_t errors = one.tier.count().errors;
  for (const auto& value : {std::string("x"), cut, large, write_shared(future, name_of("k"), {}),
                            write_shared(no_answer, name_of("k"), {})}) {
    raw.ask({"SET", name_of("k"), value});
    CHECK(one.seek("k") == "nothing");
    CHECK(raw.ask({"EXISTS", name_of("k")}).number == 0);
    CHECK(one.tier.count().errors == ++errors);
  }
  raw.ask({"RPUSH", name_of("k"), "x"});
  CHECK(one.seek("k") == "nothing");
  CHECK(raw.ask({"EXISTS", name_of("k")}).number == 0);
  raw.ask({"SET", name_of("k"), sound}); // another key's, which nothing but a seal could tell
  CHECK(one.seek("k") == stored('v'));
  raw.ask({"RPUSH", name_of("list"), "x"});
  one.save("list", 'w');
  CHECK(one.seek("list") == stored('w'));
  for (const char* value : {"x", ""}) {
    raw.ask({"SET", "hw:1:one server:generation", value});
    CHECK(one.seek("true") == "nothing");
  }
  one.save("true", 'z');
  CHECK(one.seek("true") == stored('z'));
}

TEST_CASE("a generation that was lost takes the answers with it") {
  const test::redis_process redis;
  member one(redis);
  raw_redis raw(redis);
  one.save("k", 'v');
  raw.ask({"DEL", "hw:1:one server:generation"});
  CHECK(one.seek("k") == "nothing");
  CHECK(raw.ask({"EXISTS", name_of("k")}).number == 1);
  CHECK(one.cleared == 0);
}

TEST_CASE("with a data key the values are sealed, and only who has the key finds them") {
  const test::redis_process redis;
  const std::string key_1(64, '1'), key_2(64, '2');
  member one(redis, {.key = key_1}), keyless(redis), other(redis, {.key = key_2});
  one.save("k", 'v');
  raw_redis raw(redis);
  const auto value = raw.ask({"GET", name_of("k")}).text;
  CHECK(value.find("vvvv") == value.npos);
  CHECK(keyless.seek("k") == "nothing");
  CHECK(other.seek("k") == "nothing");
  CHECK(member(redis, {.key = key_1}).seek("k") == stored('v'));
  raw.ask({"SET", name_of("elsewhere"), value});
  CHECK(one.seek("elsewhere") == "nothing");
  keyless.save("in clear", 'v');
  CHECK(one.seek("in clear") == "nothing");
  one.tier.set_keys(ring(key_2 + "\n" + key_1));
  REQUIRE(eventually([&] {
    one.fill("k2", 'w');
    return other.seek("k2") == stored('w');
  }));
  CHECK(one.seek("k") == stored('v'));
}

TEST_CASE("a Redis with a password takes who has it, and tells nobody") {
  const test::redis_process redis({"--requirepass", "secret-word"});
  member one(redis, {.password = "secret-word"});
  one.save("k", 'v');
  member wrong(redis, {.password = "secret-guess"}, false), none(redis, {}, false);
  for (auto* each : {&wrong, &none}) {
    REQUIRE(eventually([&] { return !each->tier.count().trouble.empty(); }));
    CHECK(each->tier.count().trouble.find("secret") == std::string::npos);
    CHECK(each->looks_at_once("k"));
  }
}

TEST_CASE("a Redis that takes no writes is still read, and says why it takes none") {
  const test::redis_process redis;
  member one(redis);
  one.save("k", 'v');
  raw_redis raw(redis);
  raw.ask({"CONFIG", "SET", "maxmemory", "1"});
  one.fill("x", 'v');
  REQUIRE(eventually([&] { return one.tier.count().trouble.find("OOM") != std::string::npos; }));
  CHECK(one.tier.count().up);
  CHECK(one.seek("k") == stored('v'));
  one.tier.forget("k");
  REQUIRE(eventually([&] { return raw.ask({"EXISTS", name_of("k")}).number == 0; }));
  one.tier.clear();
  REQUIRE(eventually([&] { return !one.tier.count().up; }));
  CHECK(raw.ask({"EXISTS", "hw:1:one server:generation"}).number == 0);
  raw.ask({"CONFIG", "SET", "maxmemory", "0"});
  REQUIRE(eventually([&] { return one.tier.count().up; }));
  one.save("k", 'w');
  CHECK(one.seek("k") == stored('w'));
}
