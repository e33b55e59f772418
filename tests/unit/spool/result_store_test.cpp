#include "fixtures.hpp"

#include "spool/boot_clock.hpp"
#include "spool/result_store.hpp"
#include "spool/sqlite.hpp"

#include <fstream>

#include <sys/stat.h>

namespace holdwater::spool {
namespace {

using namespace std::chrono_literals;
using test::temporary_folder;

std::unique_ptr<result_store> open_or_fail(const std::string& path, const key_ring_ptr& keys = {}) {
  auto opened = open_result_store(path, keys);
  REQUIRE_MESSAGE(opened, opened.error().context);
  return std::move(*opened);
}

std::string value_of(result_store& store, const std::string& key) {
  auto found = store.get(key);
  REQUIRE(found);
  return *found ? (*found)->value : "nothing";
}

std::string file_in(const temporary_folder& folder) {
  return folder.file("cache.db");
}

TEST_CASE("a result is there after a restart, with its age") {
  const temporary_folder folder;
  const auto at = since_boot() - 90s;
  {
    auto store = open_or_fail(file_in(folder));
    REQUIRE(store->put({{std::string("k\0y", 3), std::string("v\0lue", 5), at}, {"other", "", at}}));
  }
  auto store = open_or_fail(file_in(folder));
  auto found = store->get(std::string("k\0y", 3));
  REQUIRE(found);
  REQUIRE(*found);
  CHECK((*found)->value == std::string("v\0lue", 5));
  CHECK((*found)->written_at == at);
  CHECK(value_of(*store, "other") == "");
  CHECK(value_of(*store, "k") == "nothing");
  CHECK(*store->entries() == 2);
}

TEST_CASE("its file is its owner's alone") {
  const temporary_folder folder;
  const auto store = open_or_fail(file_in(folder));
  for (const char* tail : {"", "-wal"}) {
    struct stat found {};
    REQUIRE(::stat((file_in(folder) + tail).c_str(), &found) == 0);
    CHECK((found.st_mode & 0777) == 0600);
  }
}

TEST_CASE("an older result does not replace a newer one") {
  const temporary_folder folder;
  auto store = open_or_fail(file_in(folder));
  REQUIRE(store->put({{"k", "new", 20s}}));
  REQUIRE(store->put({{"k", "old", 10s}}));
  CHECK(value_of(*store, "k") == "new");
  REQUIRE(store->put({{"k", "newest", 30s}}));
  CHECK(value_of(*store, "k") == "newest");
}

TEST_CASE("what is erased or cleared is gone") {
  const temporary_folder folder;
  auto store = open_or_fail(file_in(folder));
  REQUIRE(store->put({{"a", "1", 1s}, {"b", "2", 1s}, {"c", "3", 1s}}));
  REQUIRE(store->erase({"a", "none"}));
  CHECK(value_of(*store, "a") == "nothing");
  CHECK(value_of(*store, "b") == "2");
  REQUIRE(store->clear());
  CHECK(*store->entries() == 0);
}

TEST_CASE("what is too old goes, and the oldest where there is no room") {
  const temporary_folder folder;
  auto store = open_or_fail(file_in(folder));
  std::vector<kept_result> all;
  for (int n = 0; n < 500; ++n)
    all.push_back({std::to_string(n), std::string(4000, 'x'), std::chrono::seconds(n)});
  REQUIRE(store->put(all));
  for (bool more = true; more;) {
    const auto shrunk = store->shrink(100s, 1 << 30);
    REQUIRE(shrunk);
    more = *shrunk;
  }
  CHECK(*store->entries() == 400);
  CHECK(value_of(*store, "99") == "nothing");
  CHECK(value_of(*store, "100") != "nothing");
  for (bool more = true; more;) {
    const auto shrunk = store->shrink(0s, 600'000);
    REQUIRE(shrunk);
    more = *shrunk;
  }
  CHECK(*store->bytes() <= 600'000);
  CHECK(value_of(*store, "100") == "nothing");
  CHECK(value_of(*store, "499") != "nothing");
}

bool holds_a_row(const temporary_folder& folder) {
  for (const auto& one : std::filesystem::directory_iterator(folder.file(""))) {
    std::ifstream in(one.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    if (bytes.find("canary") != bytes.npos) return true;
  }
  return false;
}

TEST_CASE("with a key no file holds a value, and another key finds nothing") {
  const temporary_folder folder;
  const std::string small = "a row with a canary", large = small + std::string(3000, ' ') + small;
  const auto keys = test::ring(test::key_a);
  {
    auto store = open_or_fail(file_in(folder), keys);
    REQUIRE(store->put({{"small", small, 1s}, {"large", large, 1s}, {"moved", small, 1s}}));
    CHECK(value_of(*store, "small") == small);
    CHECK_FALSE(holds_a_row(folder));
  }
  CHECK_FALSE(holds_a_row(folder));
  {
    auto db = sqlite::database::open(file_in(folder), "");
    REQUIRE(db->exec("UPDATE result SET value = (SELECT value FROM result WHERE key = x'736d616c6c') "
                     "WHERE key = x'6d6f766564'"));
  }
  {
    auto store = open_or_fail(file_in(folder), keys);
    CHECK(value_of(*store, "small") == small);
    CHECK(value_of(*store, "large") == large);
    CHECK(store->get("moved").error().code == errc::corrupt);
    REQUIRE(store->set_keys(test::ring(test::key_b + "," + test::key_a)));
    CHECK(*store->entries() == 0); // the earlier key may be changed since others know it
    REQUIRE(store->put({{"new", small, 2s}}));
    REQUIRE(store->set_keys(test::ring(test::key_b)));
    CHECK(value_of(*store, "new") == small);
  }
  auto store = open_or_fail(file_in(folder));
  CHECK_FALSE(store->get("new")->has_value());
}

TEST_CASE("a file in clear is emptied when there is a key, and wiped") {
  const temporary_folder folder;
  std::ofstream(file_in(folder) + ".unreadable") << "an old canary";
  {
    auto store = open_or_fail(file_in(folder));
    std::vector<kept_result> all;
    for (int n = 0; n < 300; ++n) all.push_back({std::to_string(n), "canary" + std::string(n * 10, 'x'), 1s});
    REQUIRE(store->put(all));
    REQUIRE(store->erase({"1", "2", "250"}));
  }
  CHECK(holds_a_row(folder));
  std::string damage;
  auto store = open_result_store_or_replace(file_in(folder), test::ring(test::key_a), damage);
  REQUIRE(store);
  CHECK(damage.empty());
  CHECK(*(*store)->entries() == 0);
  CHECK_FALSE(holds_a_row(folder));
  REQUIRE((*store)->put({{"k", "canary", 1s}}));
  CHECK_FALSE(holds_a_row(folder));
  REQUIRE((*store)->set_keys(nullptr));
  REQUIRE((*store)->put({{"k", "canary", 2s}}));
  REQUIRE((*store)->set_keys(test::ring(test::key_a)));
  CHECK_FALSE(holds_a_row(folder));
  store->reset();
  CHECK_FALSE(holds_a_row(folder));
}

TEST_CASE("a file of the version before keeps its values") {
  const temporary_folder folder;
  {
    auto store = open_or_fail(file_in(folder));
    REQUIRE(store->put({{"k", "v", 1s}}));
  }
  {
    auto db = sqlite::database::open(file_in(folder), "");
    REQUIRE(db->exec("ALTER TABLE result DROP COLUMN sealed; PRAGMA user_version=1"));
  }
  CHECK(value_of(*open_or_fail(file_in(folder)), "k") == "v");
  CHECK(value_of(*open_or_fail(file_in(folder)), "k") == "v");
}

TEST_CASE("a damaged file is set aside and begun anew") {
  for (const bool whole : {true, false}) {
    const temporary_folder folder;
    if (whole) {
      std::ofstream(file_in(folder)) << std::string(8192, 'x');
    } else {
      auto store = open_or_fail(file_in(folder));
      std::vector<kept_result> all;
      for (int n = 0; n < 500; ++n) all.push_back({std::to_string(n), std::string(500, 'x'), 1s});
      REQUIRE(store->put(all));
      store.reset(); // folds the WAL into the file
      std::fstream file(file_in(folder), std::ios::in | std::ios::out | std::ios::binary);
      for (int page = 2; page < 40; ++page) {
        file.seekp(page * 4096);
        file << std::string(200, '\x7f');
      }
    }
    std::string damage;
    auto opened = open_result_store_or_replace(file_in(folder), {}, damage);
    REQUIRE(opened);
    CHECK_FALSE(damage.empty());
    CHECK(*(*opened)->entries() == 0);
    REQUIRE((*opened)->put({{"k", "v", 1s}}));
    CHECK(value_of(**opened, "k") == "v");
    CHECK(std::ifstream(file_in(folder) + ".unreadable").is_open());
  }
}

} // namespace
} // namespace holdwater::spool
