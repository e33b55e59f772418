// Every page, and every way to ask wrongly.
#include "admin/router.hpp"

#include <doctest/doctest.h>

using namespace holdwater::admin;
using namespace std::chrono_literals;

namespace {

decision ask(std::string method, std::string target) {
  return route({std::move(method), std::move(target), "127.0.0.1:8000", std::nullopt}, {"proxy.local"},
               role::operate);
}

action taken(const std::string& method, const std::string& target) {
  const auto decided = ask(method, target);
  REQUIRE(std::holds_alternative<action>(decided));
  return std::get<action>(decided);
}

reply refused(const decision& decided) {
  REQUIRE(std::holds_alternative<reply>(decided));
  return std::get<reply>(decided);
}

} // namespace

TEST_CASE("each page is found with and without the closing slash") {
  struct row {
    std::string method, path;
    action expected;
  };
  const std::vector<row> rows{
      {"GET", "/health", show{page::health}},
      {"HEAD", "/health", show{page::health}},
      {"GET", "/health/database", show{page::database}},
      {"GET", "/health/cache", show{page::cache}},
      {"GET", "/livez", show{page::live}},
      {"GET", "/readyz", show{page::ready}},
      {"GET", "/metrics", show{page::metrics}},
      {"GET", "/dashboard.css", show_asset{"dashboard.css"}},
      {"GET", "/role", show_role{role::operate}},
      {"GET", "/history", look_back{true, 0}},
      {"GET", "/history/day", look_back{false, 0}},
      {"GET", "/sessions", list_sessions{100}},
      {"GET", "/spool", list_pending{0, 100}},
      {"GET", "/spool/dead", list_dead{0, 100}},
      {"POST", "/health/sync", sync_now{30s}},
      {"POST", "/health/reconnect", reconnect{}},
      {"POST", "/health/cache/clear", clear_cache{}},
      {"POST", "/spool/dead/17/retry", retry_dead{17}},
      {"POST", "/spool/dead/18446744073709551615/discard", discard_dead{18446744073709551615ULL}},
  };
  for (const auto& [method, path, expected] : rows) {
    CAPTURE(path);
    CHECK(taken(method, path) == expected);
    CHECK(taken(method, path + "/") == expected);
    CHECK(taken(method, "http://localhost" + path) == expected);
  }
}

TEST_CASE("parameters are read within their bounds") {
  CHECK(taken("GET", "/spool?after=7&limit=1000") == action(list_pending{7, 1000}));
  CHECK(taken("GET", "/spool/?limit=1") == action(list_pending{0, 1}));
  CHECK(taken("GET", "/spool/dead?limit=5&after=9") == action(list_dead{9, 5}));
  CHECK(taken("POST", "/health/sync?timeout=0") == action(sync_now{0ms}));
  CHECK(taken("POST", "/health/sync?timeout=0.25") == action(sync_now{250ms}));
  CHECK(taken("POST", "/health/sync/?timeout=600") == action(sync_now{600s}));
  CHECK(taken("GET", "/health/?") == action(show{page::health}));
}

TEST_CASE("a bad parameter is refused with its name") {
  struct row {
    std::string method, target, why;
  };
  const std::vector<row> rows{
      {"GET", "/spool?limit=0", "limit must be a whole number from 1 to 1000"},
      {"GET", "/spool?limit=1001", "limit must be a whole number from 1 to 1000"},
      {"GET", "/spool?limit=", "limit must be a whole number from 1 to 1000"},
      {"GET", "/spool?after=-1", "after must be a whole number from 0 to 9223372036854775807"},
      {"GET", "/spool?after=18446744073709551616",
       "after must be a whole number from 0 to 9223372036854775807"},
      {"GET", "/spool?after=1&after=2", "parameter after is there twice"},
      {"GET", "/spool?befor=1", "unknown parameter befor"},
      {"GET", "/health?x", "unknown parameter x"},
      {"POST", "/health/sync?timeout=601", "timeout must be a number of seconds from 0 to 600"},
      {"POST", "/health/sync?timeout=-1", "timeout must be a number of seconds from 0 to 600"},
      {"POST", "/health/sync?timeout=nan", "timeout must be a number of seconds from 0 to 600"},
      {"POST", "/health/sync?timeout=1s", "timeout must be a number of seconds from 0 to 600"},
      {"POST", "/health/sync?timeout=1e2", "timeout must be a number of seconds from 0 to 600"},
      {"GET", "/health?\xff", "unknown parameter \\\\xff"}, // as JSON writes the backslash
  };
  for (const auto& [method, target, why] : rows) {
    CAPTURE(target);
    const auto told = refused(ask(method, target));
    CHECK(told.status == 400);
    CHECK(told.body == "{\n  \"error\": \"" + why + "\"\n}\n");
  }
}

TEST_CASE("an unknown path is not found") {
  for (const char* path :
       {"", "/healthy", "/health//", "/Health", "/spool/dead/0/retry", "/spool/dead/x/retry",
        "/spool/dead//retry", "/spool/dead/1", "/spool/dead/1/retry/now", "/spool/dead/-1/discard",
        "/spool/dead/18446744073709551616/retry", "*", "/%68ealth"}) {
    CAPTURE(path);
    const auto told = refused(ask("GET", path));
    CHECK(told.status == 404);
    CHECK(told.body == "{\n  \"error\": \"there is no such page\"\n}\n");
  }
}

TEST_CASE("a wrong method is told which are right") {
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "get", ""}) {
    const auto told = refused(ask(method, "/health/"));
    CHECK(told.status == 405);
    CHECK(told.allow == "GET, HEAD");
  }
  for (const char* target : {"/health/sync", "/health/reconnect", "/health/cache/clear",
                             "/spool/dead/1/retry", "/spool/dead/1/discard"})
    for (const char* method : {"GET", "HEAD", "PUT"}) {
      CAPTURE(target);
      const auto told = refused(ask(method, target));
      CHECK(told.status == 405);
      CHECK(told.allow == "POST");
    }
}

TEST_CASE("a request for another site's name is refused, whatever it asks") {
  const std::vector<std::string> names{"proxy.local"};
  CHECK(refused(route({"GET", "/health/", "evil.example", {}}, names, role::operate)).status == 403);
  CHECK(refused(route({"GET", "/nothing", "evil.example:8000", {}}, names, role::operate)).status == 403);
  CHECK(refused(route({"GET", "http://evil.example/health", "127.0.0.1", {}}, names, role::operate)).status ==
        403);
  CHECK(refused(route({"GET", "/health/", "", {}}, names, role::operate)).status == 403);
  CHECK(std::holds_alternative<action>(
      route({"GET", "/health/", "Proxy.LOCAL:8000", {}}, names, role::operate)));
  CHECK(std::holds_alternative<action>(
      route({"GET", "/health/", std::nullopt, {}}, names, role::operate))); // HTTP/1.0
}

TEST_CASE("a page of another origin may read nothing it could not, and do nothing") {
  const auto post = [](std::optional<std::string> host, std::string origin) {
    return route({"POST", "/health/reconnect", std::move(host), std::move(origin)}, {}, role::operate);
  };
  CHECK(std::holds_alternative<action>(post("localhost:8000", "http://localhost:8000")));
  CHECK(std::holds_alternative<action>(post("127.0.0.1", "http://127.0.0.1:80")));
  CHECK(refused(post("localhost:8000", "http://evil.example")).status == 403);
  CHECK(refused(post("localhost:8000", "http://localhost:9000")).status == 403);
  CHECK(refused(post("localhost:8000", "null")).status == 403);
  CHECK(refused(post(std::nullopt, "http://localhost:8000")).status == 403);
  const request read{"GET", "/health", "localhost", "http://evil.example"};
  CHECK(refused(route(read, {}, role::operate)).status == 403);
  CHECK(std::holds_alternative<action>(post("db.example:443", "https://127.0.0.1")) == false);
}

TEST_CASE("what a browser says of the asking page counts: only a link may lead here from elsewhere") {
  const auto asked = [](std::string method, std::string site, std::string mode) {
    const auto* const path = method == "GET" ? "/health" : "/health/reconnect";
    const auto told = route({method, path, "localhost", std::nullopt, site, mode}, {}, role::operate);
    return std::holds_alternative<action>(told);
  };
  CHECK(asked("GET", "same-origin", "cors"));
  CHECK(asked("GET", "none", "navigate"));
  CHECK(asked("GET", "cross-site", "navigate"));
  CHECK(asked("POST", "same-origin", "cors"));
  CHECK_FALSE(asked("GET", "cross-site", "no-cors"));
  CHECK_FALSE(asked("GET", "same-site", "cors"));
  CHECK_FALSE(asked("POST", "cross-site", "navigate"));
  CHECK_FALSE(asked("POST", "same-site", "navigate"));
  CHECK_FALSE(asked("GET", "", ""));
}

TEST_CASE("nobody gets nothing, and who may only read does nothing and sees no values") {
  const auto as = [](role who, const char* method, const char* path) {
    return route({method, path, "localhost", std::nullopt}, {}, who);
  };
  for (const char* path : {"/", "/health", "/livez", "/metrics", "/spool", "/spool/dead", "/nothing"})
    CHECK(refused(as(role::nobody, "GET", path)).status == 401);
  for (const char* path :
       {"/health/sync", "/health/reconnect", "/spool/dead/1/retry", "/spool/dead/1/discard"}) {
    CHECK(refused(as(role::nobody, "POST", path)).status == 401);
    CHECK(refused(as(role::read, "POST", path)).status == 403);
    CHECK(std::holds_alternative<action>(as(role::operate, "POST", path)));
  }
  CHECK(std::get<action>(as(role::read, "GET", "/spool")) == action(list_pending{0, 100, false}));
  CHECK(std::get<action>(as(role::read, "GET", "/spool/dead")) == action(list_dead{0, 100, false}));
  CHECK(std::get<action>(as(role::operate, "GET", "/spool/dead")) == action(list_dead{0, 100, true}));
}

namespace {

const std::vector<std::string> names{"orders", "shop"};

decision ask_one_of(std::string method, std::string target, role who = role::operate) {
  return route({std::move(method), std::move(target), "127.0.0.1:8000", std::nullopt}, {}, who, names);
}

} // namespace

TEST_CASE("with names, each page is a service's behind its name") {
  for (const auto& [method, path, expected] : std::vector<std::tuple<std::string, std::string, action>>{
           {"GET", "/health", show{page::health}},
           {"GET", "/readyz", show{page::ready}},
           {"GET", "/metrics", show{page::metrics}},
           {"GET", "/spool?after=3&limit=2", list_pending{3, 2}},
           {"GET", "/config", show_configuration{}},
           {"GET", "/dashboard.css", show_asset{"dashboard.css"}},
           {"GET", "/", show_asset{"index.html"}},
           {"POST", "/health/sync", sync_now{30s}},
           {"POST", "/spool/import?check=1", import_units{true}},
           {"POST", "/spool/dead/17/discard", discard_dead{17}},
       }) {
    CAPTURE(path);
    const auto decided = ask_one_of(method, "/services/shop" + path);
    REQUIRE(std::holds_alternative<for_service>(decided));
    CHECK(std::get<for_service>(decided).name == "shop");
    CHECK(std::get<for_service>(decided).what == expected);
    CHECK(
        refused(route({method, "/services/shop" + path, "127.0.0.1", std::nullopt}, {}, role::nobody, names))
            .status == 401);
    CHECK(refused(route({method, "/services/shop" + path, "evil.example", std::nullopt}, {}, role::operate,
                        names))
              .status == 403);
    if (method == "POST")
      CHECK(refused(ask_one_of(method, "/services/shop" + path, role::read)).status == 403);
  }
  CHECK(refused(ask_one_of("GET", "/services/shop/spool/export", role::read)).status == 403);
  CHECK(refused(ask_one_of("GET", "/services/shop/health/sync")).status == 405);
}

TEST_CASE("with names, what is the process's comes without one, and the rest says where it is") {
  for (const auto& [method, path, expected] : std::vector<std::tuple<std::string, std::string, action>>{
           {"GET", "/health", show{page::health}},
           {"GET", "/livez", show{page::live}},
           {"GET", "/services", list_services{}},
           {"GET", "/services/", list_services{}},
           {"GET", "/config", show_configuration{}},
           {"POST", "/config/reload", reload_configuration{}},
           {"GET", "/", show_asset{"overview.html"}},
           {"GET", "/role", show_role{role::operate}},
       }) {
    CAPTURE(path);
    const auto decided = ask_one_of(method, path);
    REQUIRE(std::holds_alternative<action>(decided));
    CHECK(std::get<action>(decided) == expected);
  }
  const auto lost = refused(ask_one_of("POST", "/spool/dead/17/retry"));
  CHECK(lost.status == 404);
  CHECK(lost.body.find("/services/NAME/spool/dead/{seq}/retry, where NAME is one of orders, shop") !=
        std::string::npos);
  CHECK(refused(ask_one_of("GET", "/services/shop/services")).body.find("ask for /services\"") !=
        std::string::npos);
  CHECK(refused(ask_one_of("POST", "/services/shop/config/reload")).status == 404);
}

TEST_CASE("names that are none, and what looks like a path under one") {
  for (const char* path :
       {"/services/nobody/health", "/services/Shop/health", "/services/sho/health", "/services//health",
        "/services/shop//health", "/services/shop/..", "/services/shop/../orders/health",
        "/services/shop%2fhealth", "/services/shop/nothing", "/servicesshop/health",
        "/services/shop/services/shop"}) {
    CAPTURE(path);
    CHECK(refused(ask_one_of("GET", path)).status == 404);
  }
  CHECK(refused(ask("GET", "/services/shop/health")).body.find("have no names") != std::string::npos);
}

TEST_CASE("a dashboard without its closing slash is sent to its folder") {
  const auto sent = refused(ask_one_of("GET", "/services/shop"));
  CHECK(sent.status == 308);
  CHECK(sent.location == "shop/");
  CHECK(refused(ask_one_of("POST", "/services/shop")).status == 405);
}

TEST_CASE("a body is large where it is an import's") {
  for (const char* path :
       {"/spool/import", "/spool/import/", "/spool/import?check=1", "/services/shop/spool/import",
        "http://localhost/services/shop/spool/import?check=0"})
    CHECK(is_import(path));
  for (const char* path : {"/", "", "/spool/importer", "/spool", "/services/shop", "/services/spool/import"})
    CHECK_FALSE(is_import(path));
}
