// The exact text of each page: it is the product's interface.
#include "admin/json_text.hpp"
#include "admin/views.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace holdwater::admin;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::system_clock::time_point moment{1767225600s + 5ms}; // 2026-01-01T00:00:00.005Z

health example() {
  health h;
  h.status = "degraded";
  h.database = {"down", moment, "connecting: refused by caf\xe9", 2, "10.0.0.1:3306", "10.11.6-MariaDB"};
  h.database.replicas = {{"10.0.0.2:3306", "usable", 3, "", 1, 2, 0},
                         {"/run/r.sock", "failed", {}, "gone", 0, 0, 4}};
  h.spool = {"accepting", "", 3, 1, 4096, 1.23456, 18446744073709551615ULL, 9, {"shop.t: no ids"}};
  h.cache = {1, 2, 3, 4, 5, 6, 1, 7.5, 8, 9, 10, "", true};
  h.pool = {2, 3, 9, 8, 7, {{"idle", 1}, {"lost", 0}}};
  h.uptime_s = 61.5;
  h.version = "0.1.0";
  h.net_backend = "epoll";
  return h;
}

} // namespace

TEST_CASE("the health page has its fields in their order") {
  CHECK(pretty(view(example())) == R"({
  "status": "degraded",
  "database": {
    "state": "down",
    "since": "2026-01-01T00:00:00.005Z",
    "last_error": "connecting: refused by caf\\xe9",
    "reconnects": 2,
    "address": "10.0.0.1:3306",
    "version": "10.11.6-MariaDB",
    "reads_go_on": false,
    "why": "",
    "replicas": [
      {
        "address": "10.0.0.2:3306",
        "state": "usable",
        "behind_s": 3,
        "last_error": "",
        "connections": 1,
        "reads": 2,
        "failures": 0
      },
      {
        "address": "/run/r.sock",
        "state": "failed",
        "behind_s": null,
        "last_error": "gone",
        "connections": 0,
        "reads": 0,
        "failures": 4
      }
    ]
  },
  "spool": {
    "state": "accepting",
    "reason": "",
    "pending": 3,
    "dead": 1,
    "bytes": 4096,
    "oldest_age_s": 1.235,
    "last_seq": 18446744073709551615,
    "applied_seq": 9,
    "refused_tables": [
      "shop.t: no ids"
    ],
    "accounts_without_ledger": [],
    "id": "",
    "limit_bytes": 0,
    "accepted_per_s": 0,
    "applied_per_s": 0,
    "peak_pending": 0,
    "drain_eta_s": null
  },
  "cache": {
    "entries": 1,
    "bytes": 2,
    "hits": 3,
    "misses": 4,
    "hit_rate": 0.429,
    "fills": 5,
    "evictions": 6,
    "too_old": 1,
    "oldest_age_s": 7.5,
    "disk": {
      "entries": 8,
      "bytes": 9,
      "written": 10,
      "trouble": ""
    },
    "redis": {
      "state": "off",
      "written": 0,
      "found": 0,
      "errors": 0,
      "trouble": ""
    },
    "warm": {
      "reads": 0,
      "askers": 0,
      "answered": 0,
      "failed": 0,
      "age_s": null,
      "trouble": ""
    },
    "enabled": true
  },
  "pool": {
    "idle": 2,
    "in_use": 3,
    "opened": 9,
    "kept": 8,
    "reused": 7,
    "closed": {
      "idle": 1,
      "lost": 0
    }
  },
  "uptime_s": 61.5,
  "version": "0.1.0",
  "net_backend": "epoll"
}
)");
}

TEST_CASE("no age of an empty spool, and an empty list, are null and []") {
  CHECK(pretty(view(spool_health{})) == R"({
  "state": "",
  "reason": "",
  "pending": 0,
  "dead": 0,
  "bytes": 0,
  "oldest_age_s": null,
  "last_seq": 0,
  "applied_seq": 0,
  "refused_tables": [],
  "accounts_without_ledger": [],
  "id": "",
  "limit_bytes": 0,
  "accepted_per_s": 0,
  "applied_per_s": 0,
  "peak_pending": 0,
  "drain_eta_s": null
}
)");
}

TEST_CASE("pending units and dead letters are listed with their statements") {
  const listed_unit unit{
      7, "shop", "db", moment, {"INSERT INTO t VALUES ('\xff\n\"')"}, {"INSERT INTO t VALUES (?)"}};
  CHECK(pretty(view(spool_listing{{unit}, true}, true)) == R"json({
  "units": [
    {
      "seq": 7,
      "account": "shop",
      "database": "db",
      "accepted_at": "2026-01-01T00:00:00.005Z",
      "shapes": [
        "INSERT INTO t VALUES (?)"
      ],
      "statements": [
        "INSERT INTO t VALUES ('\\xff\n\"')"
      ]
    }
  ],
  "truncated": true
}
)json");
  const listed_dead_letter dead{{8, "shop", "db", moment, {}}, 1062, "23000", "Duplicate entry", moment + 1s};
  CHECK(pretty(view(dead_listing{{dead}, true}, true)) == R"json({
  "units": [
    {
      "seq": 8,
      "account": "shop",
      "database": "db",
      "accepted_at": "2026-01-01T00:00:00.005Z",
      "shapes": [],
      "statements": [],
      "error_number": 1062,
      "sql_state": "23000",
      "reason": "Duplicate entry",
      "died_at": "2026-01-01T00:00:01.005Z"
    }
  ],
  "truncated": true
}
)json");
}

TEST_CASE("a report names the new seq when there is one") {
  CHECK(pretty(view(action_report{true, "", 12})) ==
        "{\n  \"done\": true,\n  \"reason\": \"\",\n  \"seq\": 12\n}\n");
  CHECK(pretty(view(action_report{false, "busy", 0})) ==
        "{\n  \"done\": false,\n  \"reason\": \"busy\"\n}\n");
}

TEST_CASE("numbers have no exponent and only what JSON knows") {
  CHECK(pretty(0.1) == "0.1\n");
  CHECK(pretty(86400.0) == "86400\n");
  CHECK(pretty(std::numeric_limits<double>::infinity()) == "null\n");
}

TEST_CASE("times before 1970 are written too") {
  CHECK(iso8601(std::chrono::system_clock::time_point(-1ms)) == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("who may not see values gets shapes, and of a reason what may be said") {
  listed_dead_letter dead{
      {8, "shop", "db", moment, {"INSERT INTO t VALUES ('secret')"}, {"INSERT INTO t VALUES (?)"}},
      1062,
      "23000",
      "Duplicate entry 'secret'",
      moment,
      "Duplicate entry '...'"};
  for (const auto& text : {pretty(view(dead_listing{{dead}, false}, false)),
                           pretty(view(spool_listing{{dead.unit}, false}, false))}) {
    CHECK(text.find("secret") == std::string::npos);
    CHECK(text.find("statements") == std::string::npos);
    CHECK(text.find("INSERT INTO t VALUES (?)") != std::string::npos);
  }
}

TEST_CASE("the past is told by column, and sessions in a list") {
  past before{{{moment, "down", false, "connect: refused"}},
              {{.number = 7, .at = moment, .state = 2, .pending = 5}},
              900};
  const auto text = pretty(view(before));
  for (const char* part :
       {"\"why\": \"connect: refused\"", "\"number\": [\n      7\n    ]",
        "\"at_ms\": [\n      1767225600005\n    ]", "\"pending\": [\n      5\n    ]", "\"most\": 900"}) {
    CAPTURE(part);
    CHECK(text.find(part) != std::string::npos);
  }
  const auto sessions = pretty(view(session_listing{{{5, "shop", "10.0.0.1", moment, std::nullopt}}, 3}));
  CHECK(sessions.find("\"server_id\": null") != std::string::npos);
  CHECK(sessions.find("\"total\": 3") != std::string::npos);
}
