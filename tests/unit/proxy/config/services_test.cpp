// [[service]]: what each has of the rest of the file, and what it does not.
#include "proxy/config/load_options.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace holdwater::proxy;

namespace {

loaded_options loaded(const environment& variables = {}, const char* flag = nullptr,
                      const char* value = nullptr) {
  const char* const argv[] = {"holdwater", "--config", HOLDWATER_TEST_FILES "/valid/services.toml", flag,
                              value};
  auto result = load_options(flag ? 5 : 3, argv, variables);
  REQUIRE(std::holds_alternative<loaded_options>(result));
  return std::get<loaded_options>(std::move(result));
}

} // namespace

TEST_CASE("services come in the file's order, with a folder each") {
  const auto all = loaded().services;
  REQUIRE(all.size() == 3);
  CHECK(all[0].name == "plain");
  CHECK(all[1].name == "other");
  CHECK(all[2].name == "folder-3");
  CHECK(all[0].values.data_dir == "./holdwater-data/plain");
  CHECK(all[2].values.data_dir == "/three");
  CHECK(loaded({}, "--data-dir", "/elsewhere").services[0].values.data_dir == "/elsewhere/plain");
}

TEST_CASE("what a service does not say is as the rest of the file has it") {
  const auto one = loaded().services[0].values;
  CHECK(one.retry_attempts == 9);
  CHECK(one.server.host == "top");
  CHECK(one.server.replicas == "replica");
  CHECK(one.server.user == "owner");
  CHECK(one.server.password == "owners");
  CHECK(one.accounts == std::vector<account>{{"everywhere", ""}});
  REQUIRE(one.rules.size() == 1);
  CHECK(one.rules[0].table == "t");
}

TEST_CASE("what it says beats the file, the environment and the flags") {
  const auto all = loaded({{"DB_RETRY_ATTEMPTS", "5"}, {"MYSQL_PASSWORD", "never this one"}}).services;
  CHECK(all[0].values.retry_attempts == 5);
  CHECK(all[1].values.retry_attempts == 2);
  CHECK(all[2].values.server.password == "its");
}

TEST_CASE("its own accounts and rules take the place of the others") {
  const auto one = loaded().services[1].values;
  CHECK(one.accounts == std::vector<account>{{"shop", "one"}});
  REQUIRE(one.rules.size() == 1);
  CHECK(one.rules[0].table == "u");
}

TEST_CASE("another server has no replicas, another account no password of the first") {
  const auto all = loaded().services;
  CHECK(all[1].values.server.socket == "/run/other.sock");
  CHECK(all[1].values.server.replicas.empty());
  CHECK(all[1].values.server.user == "else");
  CHECK(all[1].values.server.password.empty());
  CHECK(all[1].values.server.plugin.empty());
  CHECK(all[2].values.server.replicas == "fourth");
  CHECK(all[2].values.server.user == "owner");
}

TEST_CASE("a plain one among others is plain") {
  const auto all = loaded().services;
  CHECK(all[1].values.pool.max_idle == 0);
  CHECK_FALSE(all[1].values.cache.enabled);
  CHECK(all[0].values.pool.max_idle == options{}.pool.max_idle);
  CHECK(all[0].values.cache.enabled);
}

TEST_CASE("nobody shares a place to listen at; one for all is warned of") {
  const auto read = loaded({{"HOLDWATER_LISTEN_SOCKET", "/run/all.sock"}}, "--listen", "127.0.0.1:7000");
  CHECK(read.services[0].values.listen == endpoint{"127.0.0.1", 7001});
  CHECK(read.services[0].values.listen_socket.empty());
  CHECK(read.services[2].values.listen_socket == "/run/three.sock");
  for (const char* name : {"--listen", "HOLDWATER_LISTEN_SOCKET"})
    CHECK(std::ranges::count(read.warnings,
                             name + std::string(": is not used: each [[service]] has its own")) == 1);
}

TEST_CASE("a plan is of the process, of a service, or of both") {
  const options running;
  auto fresh = running;
  fresh.log.level = "debug";
  fresh.retry_attempts = 7;
  fresh.accounts.push_back({"shop", "one"});
  fresh.admin.listen.port = 1;
  const auto of_process = plan_reload(running, fresh, option_scope::process);
  CHECK(of_process.changed == std::vector<std::string>{"log.level"});
  CHECK(of_process.needs_restart == std::vector<std::string>{"admin.listen"});
  const auto of_service = plan_reload(running, fresh, option_scope::service);
  CHECK(of_service.changed == std::vector<std::string>{"retry_attempts"});
  CHECK(of_service.needs_restart == std::vector<std::string>{"account"});
  CHECK(plan_reload(running, fresh).changed.size() == 2);
}
