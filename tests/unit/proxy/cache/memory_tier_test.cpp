#include "proxy/cache/key_writer.hpp"
#include "proxy/cache/memory_tier.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace holdwater;
using namespace holdwater::proxy;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t megabyte = 1 << 20;

memory_tier small() {
  return {megabyte, megabyte / 4, 3600s};
}

void fill(memory_tier& memory, const std::string& key, const std::string& answer, cache_moment at,
          memory_tier::source from = memory_tier::source::server) {
  memory.fill(key, protocol::as_bytes(answer), at, from);
}

std::string found(memory_tier& memory, const std::string& key) {
  const auto one = memory.find(key);
  return one ? std::string(protocol::as_text(one->bytes)) : "nothing";
}

std::string key_of(const std::vector<std::string>& parts) {
  std::string out;
  key_writer key(out);
  for (const auto& part : parts) key.text(part);
  return out;
}

} // namespace

TEST_CASE("no two lists of parts make the same key") {
  std::set<std::string> keys;
  const std::vector<std::vector<std::string>> lists{
      {"ab", "c"},    {"a", "bc"}, {"abc"}, {"abc", ""}, {"", "abc"}, {std::string("a\0b", 3), "c"},
      {"a", "b", "c"}};
  for (const auto& parts : lists) keys.insert(key_of(parts));
  CHECK(keys.size() == lists.size());
}

TEST_CASE("an answer is found under its own key, with the moment of its filling") {
  auto memory = small();
  fill(memory, "k", "v", 10s);
  CHECK(found(memory, "k") == "v");
  CHECK(memory.find("k")->at == 10s);
  CHECK(found(memory, "K") == "nothing");
  CHECK(found(memory, "") == "nothing");
  fill(memory, "k", "w", 20s);
  CHECK(found(memory, "k") == "w");
  CHECK(memory.is_filled_since("k", 20s));
  CHECK_FALSE(memory.is_filled_since("k", 21s));
}

TEST_CASE("an older answer does not replace a newer one, nor its age") {
  auto memory = small();
  fill(memory, "k", "new", 20s);
  fill(memory, "k", "of an old snapshot", 10s);
  CHECK(found(memory, "k") == "new");
  CHECK(memory.find("k")->at == 20s);
}

TEST_CASE("it stays within its bytes, and the one that was not used for longest goes first") {
  auto memory = small();
  const std::string answer(10'000, 'x');
  for (int n = 0; n < 50; ++n) fill(memory, std::to_string(n), answer, std::chrono::seconds(n));
  for (int n = 50; n < 300; ++n) {
    fill(memory, std::to_string(n), answer, std::chrono::seconds(n));
    CHECK(found(memory, "7") == answer); // in use
    CHECK(memory.count().bytes <= megabyte);
  }
  CHECK(found(memory, "8") == "nothing");
  CHECK(found(memory, "299") == answer);
  const auto counts = memory.count();
  CHECK(counts.fills == 300);
  CHECK(counts.evictions == 300 - counts.entries);
}

TEST_CASE("what is forgotten or cleared is gone, also for the disk") {
  auto memory = small();
  memory.keep_unsaved(memory_tier::saver::disk);
  fill(memory, "a", "1", 1s);
  fill(memory, "b", "2", 1s);
  memory.forget("a");
  CHECK(found(memory, "a") == "nothing");
  REQUIRE(memory.take_unsaved(memory_tier::saver::disk, 10, megabyte).size() == 1);
  fill(memory, "c", "3", 1s);
  memory.clear();
  CHECK(memory.count().entries == 0);
  CHECK(memory.count().bytes == 0);
  CHECK(memory.take_unsaved(memory_tier::saver::disk, 10, megabyte).empty());
}

TEST_CASE("what the disk does not have is given once, and again when it is other or much younger") {
  auto memory = small();
  memory.keep_unsaved(memory_tier::saver::disk);
  fill(memory, "k", "v", 1000s);
  fill(memory, "from disk", "v", 1000s, memory_tier::source::disk);
  auto some = memory.take_unsaved(memory_tier::saver::disk, 10, megabyte);
  REQUIRE(some.size() == 1);
  CHECK(some[0].key == "k");
  CHECK(some[0].answer == "v");
  CHECK(some[0].at == 1000s);
  fill(memory, "k", "v", 1001s);
  CHECK(memory.take_unsaved(memory_tier::saver::disk, 10, megabyte).empty());
  fill(memory, "k", "v", 1100s);
  CHECK(memory.take_unsaved(memory_tier::saver::disk, 10, megabyte).size() == 1);
  fill(memory, "k", "w", 1101s);
  CHECK(memory.take_unsaved(memory_tier::saver::disk, 10, megabyte).size() == 1);
  for (int n = 0; n < 50; ++n) fill(memory, std::to_string(n), "v", 1s);
  std::size_t seen = 0;
  for (auto part = memory.take_unsaved(memory_tier::saver::disk, 7, megabyte); !part.empty();
       part = memory.take_unsaved(memory_tier::saver::disk, 7, megabyte)) {
    CHECK(part.size() <= 7);
    seen += part.size();
  }
  CHECK(seen == 50);
}

TEST_CASE("each tier behind the memory gets what it lacks, whatever the other has taken") {
  auto memory = small();
  memory.keep_unsaved(memory_tier::saver::disk);
  memory.keep_unsaved(memory_tier::saver::redis);
  fill(memory, "k", "v", 1000s);
  fill(memory, "from redis", "v", 1000s, memory_tier::source::redis);
  CHECK(memory.take_unsaved(memory_tier::saver::disk, 10, megabyte).size() == 1);
  fill(memory, "k", "v", 1050s);
  fill(memory, "l", "v", 1050s);
  CHECK(memory.take_unsaved(memory_tier::saver::redis, 10, megabyte).size() == 2);
  fill(memory, "k", "v", 1070s); // 70 s after the disk took it, 20 s after the other did
  CHECK(memory.take_unsaved(memory_tier::saver::disk, 10, megabyte).size() == 2);
  CHECK(memory.take_unsaved(memory_tier::saver::redis, 10, megabyte).empty());
  fill(memory, "k", "w", 1071s);
  memory.forget("k");
  CHECK(memory.take_unsaved(memory_tier::saver::disk, 10, megabyte).empty());
  CHECK(memory.take_unsaved(memory_tier::saver::redis, 10, megabyte).empty());
}

TEST_CASE("what is too old is dropped") {
  auto memory = small();
  fill(memory, "old", "v", 10s);
  fill(memory, "new", "v", 4000s);
  memory.drop_expired(4000s);
  CHECK(found(memory, "old") == "nothing");
  CHECK(found(memory, "new") == "v");
  CHECK(memory.count().expired == 1);
}
