// Which status each outcome has.
#include "admin/actions.hpp"
#include "tests/unit/admin/fake_control.hpp"

#include <doctest/doctest.h>

using namespace holdwater::admin;
using namespace std::chrono_literals;

namespace {

reply told(const action& what, testing::fake_control& on) {
  std::optional<reply> out;
  carry_out(what, on, [&](reply r) {
    REQUIRE_FALSE(out);
    out = std::move(r);
  });
  REQUIRE(out);
  return *out;
}

reply told(const action& what, process& all) {
  std::optional<reply> out;
  carry_out(what, all, [&](reply r) { out = std::move(r); });
  REQUIRE(out);
  return *out;
}

} // namespace

TEST_CASE("health and readiness are 503 only when the status is down") {
  testing::fake_control on;
  for (const auto what : {page::health, page::ready})
    for (const auto& [status, code] : {std::pair{"ok", 200U}, {"degraded", 200U}, {"down", 503U}}) {
      on.now.status = status;
      CHECK(told(show{what}, on).status == code);
    }
  CHECK(told(show{page::ready}, on).body == "{\n  \"status\": \"down\"\n}\n");
}

TEST_CASE("the other pages are 200 even when the status is down") {
  testing::fake_control on;
  on.now.status = "down";
  for (const auto what : {page::database, page::cache, page::live, page::metrics})
    CHECK(told(show{what}, on).status == 200);
  CHECK(told(show{page::live}, on).body == "{\n  \"status\": \"ok\"\n}\n");
}

TEST_CASE("metrics are the program's and those of the health page") {
  testing::fake_control on;
  on.families = {{"holdwater_queries_total", "Queries.", false, {{{}, 5}}}};
  const auto page_text = told(show{page::metrics}, on);
  CHECK(page_text.content_type == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(page_text.body.starts_with("# HELP holdwater_queries_total Queries.\n"));
  CHECK(page_text.body.find("\nholdwater_spool_pending 0\n") != std::string::npos);
}

TEST_CASE("an action is 200 when done and has its own code when not") {
  testing::fake_control on;
  const std::vector<std::pair<action, unsigned>> rows{{sync_now{5s}, 504},
                                                      {reconnect{}, 503},
                                                      {clear_cache{}, 409},
                                                      {retry_dead{3}, 409},
                                                      {discard_dead{4}, 409}};
  for (const auto& [what, otherwise] : rows) {
    on.report = {true, "", 0};
    CHECK(told(what, on).status == 200);
    on.report = {false, "because", 0};
    const auto failed = told(what, on);
    CHECK(failed.status == otherwise);
    CHECK(failed.body == "{\n  \"done\": false,\n  \"reason\": \"because\"\n}\n");
  }
  CHECK(on.calls() == std::vector<std::string>{"sync 5000", "sync 5000", "reconnect", "reconnect",
                                               "clear_cache", "clear_cache", "retry 3", "retry 3",
                                               "discard 4", "discard 4"});
}

TEST_CASE("a list asks for what fits, and a failure to read it is 500") {
  testing::fake_control on;
  on.dead.truncated = true;
  CHECK(told(list_dead{7, 2}, on).body.ends_with("\"truncated\": true\n}\n"));
  on.dead.truncated = false;
  CHECK(told(list_dead{7, 2}, on).body.ends_with("\"truncated\": false\n}\n"));
  CHECK(told(list_pending{5, 10}, on).status == 200);
  on.error = "the spool cannot be read";
  CHECK(told(list_pending{5, 10}, on) == refuse(500, "the spool cannot be read"));
  CHECK(told(list_dead{0, 1}, on).status == 500);
  CHECK(on.calls().front() == "list_dead 7 2");
}

TEST_CASE("of several services, health and readiness are as the worst of them") {
  testing::fake_control orders, shop;
  testing::fake_process all({&orders, &shop}, {"orders", "shop"});
  for (const auto& [first, second, status, code] : {std::tuple{"ok", "ok", "ok", 200U},
                                                    {"ok", "degraded", "degraded", 200U},
                                                    {"down", "degraded", "down", 503U}}) {
    orders.now.status = first;
    shop.now.status = second;
    const auto health = told(show{page::health}, all);
    CHECK(health.status == code);
    CHECK(health.body.starts_with(std::string("{\n  \"status\": \"") + status +
                                  "\",\n  \"services\": {\n    \"orders\": {"));
    CHECK(told(show{page::ready}, all).status == code);
    CHECK(told(show{page::live}, all).status == 200);
  }
  orders.now.status = "ok";
  shop.now.stopping = true;
  CHECK(told(show{page::ready}, all).body == "{\n  \"status\": \"stopping\"\n}\n");
}

TEST_CASE("of one service without a name, all is as it is of that one") {
  testing::fake_control on;
  on.now.status = "down";
  testing::fake_process all({&on});
  for (const auto what : {page::health, page::ready, page::live, page::database, page::cache})
    CHECK(told(show{what}, all) == told(show{what}, on));
  CHECK(told(show_configuration{}, all) == told(show_configuration{}, on));
  CHECK(told(list_pending{5, 10}, all) == told(list_pending{5, 10}, on));
}

TEST_CASE("metrics are the process's once, and each service's with its name") {
  testing::fake_control orders, shop;
  orders.families =
      shop.families = {{"holdwater_queries_total", "Queries.", false, {{{{"kind", "select"}}, 5}}}};
  testing::fake_process all({&orders, &shop}, {"orders", "shop"});
  const auto page_text = told(show{page::metrics}, all).body;
  CHECK(page_text.starts_with(
      "# HELP holdwater_heap_bytes Bytes.\n# TYPE holdwater_heap_bytes gauge\nholdwater_heap_bytes 7\n"));
  CHECK(page_text.find("holdwater_queries_total{service=\"orders\",kind=\"select\"} 5\n"
                       "holdwater_queries_total{service=\"shop\",kind=\"select\"} 5\n") != std::string::npos);
  CHECK(page_text.find("\nholdwater_spool_pending{service=\"shop\"} 0\n") != std::string::npos);
  CHECK(page_text.find("\nholdwater_uptime_seconds 0\n") != std::string::npos);
  const auto first = page_text.find("# TYPE holdwater_queries_total");
  CHECK(page_text.find("# TYPE holdwater_queries_total", first + 1) == std::string::npos);
}

TEST_CASE("a reload is the process's, and services are listed with what is so at each") {
  testing::fake_control orders, shop;
  testing::fake_process all({&orders, &shop}, {"orders", "shop"});
  CHECK(told(reload_configuration{}, all).status == 200);
  orders.error = "because";
  CHECK(told(reload_configuration{}, all).status == 409);
  CHECK(orders.calls() == std::vector<std::string>{"reload", "reload"});
  shop.now.spool.pending = 7;
  const auto listed = told(list_services{}, all).body;
  CHECK(listed.find("\"name\": \"shop\"") != std::string::npos);
  CHECK(listed.find("\"pending\": 7") != std::string::npos);
  CHECK(told(show_configuration{}, all).body.find("log.level") != std::string::npos);
}
