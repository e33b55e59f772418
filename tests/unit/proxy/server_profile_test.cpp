#include "proxy/server/server_profile.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace holdwater;
using proxy::profile_store;

namespace {

struct scratch_folder {
  scratch_folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "holdwater-profile-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~scratch_folder() { std::filesystem::remove_all(path); }
  std::string path;
};

protocol::greeting sample_greeting() {
  protocol::greeting hello;
  hello.server_version = "5.5.5-10.11.14-MariaDB";
  hello.server_capabilities = 0x0000000f'81fff7feULL;
  hello.character_set = 45;
  hello.status = 2;
  hello.auth_plugin = "mysql_native_password";
  return hello;
}

} // namespace

TEST_CASE("what was learned of the server is there after a restart") {
  const scratch_folder folder;
  const auto path = folder.path + "/server.json";
  protocol::column_definition column;
  column.collation = 63;
  column.length = 21;
  column.type = 8;
  column.flags = 0x81;
  column.decimals = 0;
  spool::statement_context defaults;
  defaults.sql_mode = "STRICT_TRANS_TABLES";
  defaults.time_zone = "SYSTEM";
  defaults.auto_increment_increment = 3;
  {
    profile_store store(path);
    CHECK_FALSE(store.knows_greeting());
    store.learn_greeting(sample_greeting());
    store.learn_defaults(defaults);
    store.learn_collations(
        {{45, {"utf8mb4_general_ci", "utf8mb4", true}}, {46, {"utf8mb4_bin", "utf8mb4", false}}});
    store.learn_time_zone("Europe/Berlin");
    store.learn_variables(
        {{"autocommit", {"ON", "1", true, column}}, {"ft_stopword_file", {"", std::nullopt, false, {}}}},
        {{"1 + 1", "2", true, column}});
  }
  profile_store store(path);
  CHECK(store.load() == "");
  const auto profile = store.get();
  CHECK(profile->hello.server_version == "5.5.5-10.11.14-MariaDB");
  CHECK(profile->hello.server_capabilities == 0x0000000f'81fff7feULL);
  CHECK(profile->version.mariadb);
  CHECK(profile->version.number == 101114);
  CHECK(profile->defaults == defaults);
  REQUIRE(profile->find(46));
  CHECK(profile->find(46)->name == "utf8mb4_bin");
  CHECK(profile->default_of("utf8mb4")->name == "utf8mb4_general_ci");
  CHECK(profile->find(255) == nullptr);
  CHECK(profile->time_zones == std::set<std::string>{"Europe/Berlin"});
  CHECK(profile->variables.size() == 2);
  CHECK(profile->variables.at("autocommit") == proxy::system_variable{"ON", "1", true, column});
  CHECK(profile->variables.at("ft_stopword_file") == proxy::system_variable{"", std::nullopt, false, {}});
  CHECK(profile->expressions == std::vector<proxy::known_expression>{{"1 + 1", "2", true, column}});
}

TEST_CASE("a damaged profile is reported and learned anew") {
  const scratch_folder folder;
  const auto path = folder.path + "/server.json";
  for (const char* content : {"", "{", "[]", "{\"version\": 5}"}) {
    std::ofstream(path) << content;
    profile_store store(path);
    CHECK(store.load() != "");
    CHECK_FALSE(store.knows_greeting());
    store.learn_greeting(sample_greeting());
    CHECK(store.knows_greeting());
  }
}

TEST_CASE("a server's words that are no UTF-8 are kept as they are") {
  const scratch_folder folder;
  const auto path = folder.path + "/server.json";
  auto hello = sample_greeting();
  hello.server_version = "10.11.14-caf\xe9-\xff-\xc3\xa9-MariaDB";
  {
    profile_store store(path);
    store.learn_greeting(hello);
    store.learn_collations({{45, {"utf8mb4_\xe9", "utf8\x80", true}}});
  }
  profile_store store(path);
  CHECK(store.load() == "");
  CHECK(store.get()->hello.server_version == hello.server_version);
  CHECK(store.get()->find(45)->name == "utf8mb4_\xe9");
  CHECK(store.get()->find(45)->character_set == "utf8\x80");
}
