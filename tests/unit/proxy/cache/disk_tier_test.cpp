// The disk behind the memory, with its thread.
#include "proxy/cache/disk_tier.hpp"
#include "tests/unit/proxy/insert_ids/scratch_folder.hpp"

#include "spool/boot_clock.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

using namespace holdwater;
using namespace holdwater::proxy;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t megabyte = 1 << 20;

void fill(memory_tier& memory, const std::string& key, const std::string& answer) {
  memory.fill(key, protocol::as_bytes(answer), spool::since_boot());
}

// What a proxy that begins anew finds.
std::string sought(disk_tier& disk, memory_tier& memory, const std::string& key) {
  std::promise<void> ended;
  const auto look = disk.seek(key, [&] { ended.set_value(); });
  REQUIRE(ended.get_future().wait_for(20s) == std::future_status::ready);
  CHECK(look->done);
  const auto one = memory.find(key);
  return one ? std::string(protocol::as_text(one->bytes)) : "nothing";
}

// Until the thread has done it; each look waits for its turn there.
template <class Condition>
bool comes_true(disk_tier& disk, memory_tier& memory, Condition condition) {
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (!condition() && std::chrono::steady_clock::now() < until)
    CHECK(sought(disk, memory, "nobody's") == "nothing");
  return condition();
}

struct proxy_with_disk {
  explicit proxy_with_disk(const std::string& path) : disk(memory, path, 16 * megabyte, 3600s) {
    memory.keep_unsaved(memory_tier::saver::disk);
    disk.start();
  }
  memory_tier memory{megabyte, megabyte / 4, 3600s};
  disk_tier disk;
};

} // namespace

TEST_CASE("what was filled is found after a restart, and only under its key") {
  const test::scratch_folder folder;
  {
    proxy_with_disk one(folder.file("cache.db"));
    fill(one.memory, "k", "v");
    REQUIRE(comes_true(one.disk, one.memory, [&] { return one.disk.count().written == 1; }));
    fill(one.memory, "last moment", "w");
  }
  proxy_with_disk one(folder.file("cache.db"));
  CHECK(sought(one.disk, one.memory, "k") == "v");
  CHECK(sought(one.disk, one.memory, "last moment") == "w");
  CHECK(sought(one.disk, one.memory, "K") == "nothing");
  CHECK(one.disk.count().found == 2);
  CHECK(one.memory.find("k")->at <= spool::since_boot());
}

TEST_CASE("what was forgotten or cleared is not found after a restart") {
  const test::scratch_folder folder;
  {
    proxy_with_disk one(folder.file("cache.db"));
    for (const char* key : {"a", "b", "c"}) fill(one.memory, key, "v");
    REQUIRE(comes_true(one.disk, one.memory, [&] { return one.disk.count().written == 3; }));
    one.memory.forget("a");
    one.disk.forget("a");
    CHECK(sought(one.disk, one.memory, "a") == "nothing");
  }
  {
    proxy_with_disk one(folder.file("cache.db"));
    CHECK(sought(one.disk, one.memory, "a") == "nothing");
    CHECK(sought(one.disk, one.memory, "b") == "v");
    one.memory.clear();
    one.disk.clear();
    CHECK(sought(one.disk, one.memory, "c") == "nothing");
  }
  proxy_with_disk one(folder.file("cache.db"));
  CHECK(sought(one.disk, one.memory, "b") == "nothing");
}

TEST_CASE("a file that is none is set aside, and the cache goes on") {
  const test::scratch_folder folder;
  const auto path = folder.file("cache.db");
  std::ofstream(path) << std::string(5000, 'x');
  proxy_with_disk one(path);
  fill(one.memory, "k", "v");
  REQUIRE(comes_true(one.disk, one.memory, [&] { return one.disk.count().written == 1; }));
  CHECK(one.disk.count().trouble == "");
  CHECK(std::filesystem::exists(path + ".unreadable"));
}

TEST_CASE("a disk that cannot be used leaves the memory, and says so") {
  const test::scratch_folder folder;
  proxy_with_disk one(folder.file("missing") + "/cache.db");
  fill(one.memory, "k", "v");
  CHECK(sought(one.disk, one.memory, "k") == "v");
  REQUIRE(comes_true(one.disk, one.memory, [&] { return !one.disk.count().trouble.empty(); }));
}
