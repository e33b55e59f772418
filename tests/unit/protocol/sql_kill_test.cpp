// What a KILL means to kill.
#include "protocol/sql/kill.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace sql = holdwater::protocol::sql;

TEST_CASE("a connection's id is read from every form of KILL that names one") {
  struct row {
    std::string_view text;
    bool query_only;
    bool literal;
    std::uint64_t id;
  };
  for (const row& each : {
           row{"KILL 7", false, true, 7},
           row{"kill/**/connection 2147483649", false, true, 2147483649},
           row{"KILL QUERY 12 -- mine", true, true, 12},
           row{"KILL HARD CONNECTION 5", false, true, 5},
           row{"KILL SOFT QUERY 5", true, true, 5},
           row{"KILL QUERY ID 5", true, false, 0},
           row{"KILL USER somebody", false, false, 0},
           row{"KILL CONNECTION_ID()", false, false, 0},
           row{"KILL 5 + 1", false, false, 5},
           row{"KILL 0x10", false, false, 0},
           row{"KILL", false, false, 0},
       }) {
    CAPTURE(each.text);
    const auto got = sql::read_kill(each.text, 0, {});
    CHECK(got.query_only == each.query_only);
    REQUIRE(got.literal == each.literal);
    if (!got.literal) continue;
    CHECK(got.id == each.id);
    CHECK(each.text.substr(got.offset, got.size) == std::to_string(each.id));
  }
}
