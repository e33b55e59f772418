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
  on.dead.resize(3);
  CHECK(told(list_dead{2}, on).body.ends_with("\"truncated\": true\n}\n"));
  CHECK(told(list_dead{3}, on).body.ends_with("\"truncated\": false\n}\n"));
  CHECK(told(list_pending{5, 10}, on).status == 200);
  on.error = "the spool cannot be read";
  CHECK(told(list_pending{5, 10}, on) == refuse(500, "the spool cannot be read"));
  CHECK(told(list_dead{1}, on).status == 500);
  CHECK(on.calls().front() == "list_dead 3");
}
