// Which literals are the present time, and what is left of the question without them.
#include "proxy/session/times_as_now.hpp"

#include <doctest/doctest.h>

using namespace holdwater::proxy;
using namespace std::chrono_literals;

namespace {

using sql_dialect = holdwater::protocol::sql::dialect;

// 2026-11-27 06:30:00.5 UTC
const std::chrono::system_clock::time_point now(1795761000500ms);

std::optional<std::string> without(std::string_view text, std::chrono::seconds local = 0s) {
  return times_as_now(text, {}, now, local);
}

std::string where(std::string_view literal) {
  return "SELECT * FROM t WHERE a > " + std::string(literal) + " AND b = 1";
}

const std::string asked = where(std::string_view("\0now", 4));

} // namespace

TEST_CASE("the present time is told apart, however it is written") {
  for (const auto* const literal :
       {"'2026-11-27 06:30:00'", "'2026-11-27 06:30:00.123456'", "\"2026-11-27 06:30:00\"",
        "'2026-11-27T06:30:00'", "'20261127063000'", "20261127063000", "1795761000", "'1795761000'",
        "1795761000.25", "1795761000500", "'2026-11-27 06:29:01'", "'2026-11-27 06:31:00'"}) {
    CAPTURE(literal);
    CHECK(without(where(literal)) == asked);
  }
}

TEST_CASE("what is not the present time stays a part of the question") {
  for (const auto* const literal :
       {"'2026-11-27 06:28:59'", "'2026-11-27 06:31:02'", "'2026-11-26 06:28:00'", "'2026-11-27'",
        "'06:30:00'", "'2026-11-27 06:30:00 '", "'2026-11-27 06:30:00.'", "'2026-11-27 06:30:00.x'",
        "'2026-13-27 06:30:00'", "'2026-11-27 06:90:00'", "'2026-11-31 06:30:00'", "'x2026-11-27 06:30:00'",
        "1795760000", "179576100", "17957610000", "'2026-11-27 07:30:00'", "x'20261127063000'",
        "'2026-11-27-06:30:00'", "0x20261127063000"}) {
    CAPTURE(literal);
    CHECK_FALSE(without(where(literal)));
  }
  CHECK_FALSE(without(""));
  CHECK_FALSE(without("SELECT `2026-11-27 06:30:00` /* '2026-11-27 06:30:00' */ -- '2026-11-27 06:30:00'"));
}

TEST_CASE("the same time of another day is told apart by the days") {
  const auto days = [](std::string_view count) {
    return where(std::string("\0now", 4) + std::string(count));
  };
  CHECK(without(where("'20261120063000'")) == days("-7d"));
  CHECK(without(where("'2026-11-20 06:30:30'")) == days("-7d"));
  CHECK(without(where("'2026-12-11 06:29:50'")) == days("+14d"));
  CHECK(without(where("1795674600")) == days("-1d"));
  CHECK_FALSE(without(where("'2026-11-20 06:32:00'")));
}

TEST_CASE("the machine's own zone counts too") {
  CHECK(without(where("'2026-11-27 07:30:00'"), 1h) == asked);
  CHECK(without(where("'2026-11-27 00:30:00.1'"), -6h) == asked);
  CHECK(without(where("'2026-11-27 06:30:00'"), 1h) == asked);
  CHECK_FALSE(without(where("1795764600"), 1h));
}

TEST_CASE("all the rest of the question stays, byte for byte") {
  CHECK(without("SELECT '2026-11-27 06:30:00', 'it''s',\n 1795761000 , x /* 1 */") ==
        "SELECT " + std::string("\0now", 4) + ", 'it''s',\n " + std::string("\0now", 4) + " , x /* 1 */");
}
