// What cache.redis may be.
#include "proxy/config/options.hpp"
#include "proxy/config/redis_url.hpp"

#include <doctest/doctest.h>

using namespace holdwater::proxy;

namespace {

redis_url read(std::string_view text) {
  const auto one = read_redis_url(text);
  INFO(text);
  REQUIRE(std::holds_alternative<redis_url>(one));
  return std::get<redis_url>(one);
}

std::string wrong(const std::string& text, const std::string& password = {}, bool cached = true) {
  options settings;
  settings.cache.redis = text;
  settings.cache.redis_password = password;
  settings.cache.enabled = cached;
  return why_not_redis(settings);
}

} // namespace

TEST_CASE("a URL of a Redis has a place, perhaps a login and a database") {
  CHECK(read("redis://there") == redis_url{.host = "there"});
  CHECK(read("redis://there/") == redis_url{.host = "there"});
  CHECK(read("redis://10.0.0.1:6380/2") == redis_url{.host = "10.0.0.1", .port = 6380, .database = 2});
  CHECK(read("redis://[::1]:7") == redis_url{.host = "::1", .port = 7});
  CHECK(read("redis://app:s%40t%2F%25@there") ==
        redis_url{.host = "there", .user = "app", .password = "s@t/%"});
  CHECK(read("redis://:a:b@there") == redis_url{.host = "there", .password = "a:b"});
  CHECK(read("redis://:a@b@there") == redis_url{.host = "there", .password = "a@b"});
  CHECK(read("unix:///run/redis.sock") == redis_url{.socket = "/run/redis.sock"});
  CHECK(read("unix://:word@/run/a@b.sock?db=3") ==
        redis_url{.socket = "/run/a@b.sock", .password = "word", .database = 3});
}

TEST_CASE("its name for people holds no secret") {
  CHECK(read("redis://app:secret@there:6380/2").name() == "there:6380, database 2");
  CHECK(read("redis://:secret@[::1]").name() == "[::1]:6379");
  CHECK(read("unix://:secret@/run/r").name() == "/run/r");
}

TEST_CASE("what is no URL of a Redis is refused, without a word of it") {
  for (const char* text : {"there",
                           "http://there",
                           "redis://",
                           "redis:///1",
                           "redis://there:0",
                           "redis://there:65536",
                           "redis://there:x",
                           "redis://there:",
                           "redis://there/x",
                           "redis://there/1/2",
                           "redis://there/-1",
                           "redis://there/70000",
                           "redis://se cret@there",
                           "redis://@there",
                           "redis://a:%4@there",
                           "redis://a:%zz@there",
                           "redis://a:%00@there",
                           "redis://[::1",
                           "redis://a]b",
                           "redis://::1",
                           "unix://run/x",
                           "unix://",
                           "unix:///",
                           "unix:///x?name=1",
                           "unix:///x?db=y",
                           "rediss://secret@there",
                           "redis://there:1:2"}) {
    const auto why = wrong(text);
    CHECK_MESSAGE(!why.empty(), text);
    CHECK(why.find("secret") == why.npos);
  }
  CHECK(wrong("unix:///" + std::string(107, 'x')) != "");
  CHECK(wrong("unix:///" + std::string(106, 'x')) == "");
}

TEST_CASE("what belongs to it must fit") {
  CHECK(wrong("redis://there", "word") == "");
  CHECK(wrong("redis://app@there", "word") == "");
  CHECK(wrong("redis://app@there") == "it names a user, and no password");
  CHECK(wrong("redis://:one@there", "two") == "it holds a password, and cache.redis_password is given");
  CHECK(wrong("redis://there", {}, false) == "cache.enabled is false, so nothing would be shared");
  options settings;
  settings.cache.redis = "redis://app@there";
  settings.cache.redis_password = "word";
  CHECK(redis_of(settings) == redis_url{.host = "there", .user = "app", .password = "word"});
}
