// Which rules hold, and which of their words is taken.
#include "proxy/session/rules.hpp"

#include <doctest/doctest.h>

using namespace holdwater::proxy;
using namespace std::chrono_literals;

namespace {

rule with(rule conditions, bool cache) {
  conditions.cache = cache;
  return conditions;
}

bool holds(const rule& conditions, const ruled_statement& one) {
  const rule rules[] = {with(conditions, false)};
  return effects_of(rules, one).cache.has_value();
}

const ruled_statement asked{
    "app", "shop", "SELECT * FROM orders JOIN till.cash", {{"shop", "orders"}, {"till", "cash"}}};

} // namespace

TEST_CASE("all conditions that are given must hold") {
  CHECK(holds({}, asked));
  CHECK(holds({.account = "app"}, asked));
  CHECK_FALSE(holds({.account = "App"}, asked));
  CHECK(holds({.database = "shop"}, asked));
  CHECK(holds({.database = "TILL"}, asked));
  CHECK_FALSE(holds({.database = "other"}, asked));
  CHECK(holds({.table = "Orders"}, asked));
  CHECK(holds({.table = "cash"}, asked));
  CHECK(holds({.table = "till.cash"}, asked));
  CHECK_FALSE(holds({.table = "shop.cash"}, asked));
  CHECK_FALSE(holds({.table = "order"}, asked));
  CHECK(holds({.pattern = "select % from orders%"}, asked));
  CHECK_FALSE(holds({.pattern = "select"}, asked));
  CHECK(holds({.account = "app", .database = "shop", .table = "orders", .pattern = "%"}, asked));
  CHECK_FALSE(holds({.account = "report", .table = "orders"}, asked));
}

TEST_CASE("each effect is taken from the first rule that says it") {
  rule first, second, third;
  first.table = "orders";
  first.max_stale = 5s;
  second.max_stale = 9s;
  second.hold = 100ms;
  third.table = "none";
  third.spool = false;
  const rule rules[] = {third, first, second};
  const auto all = effects_of(rules, asked);
  CHECK(all.max_stale == 5s);
  CHECK(all.hold == 100ms);
  CHECK_FALSE(all.spool);
  CHECK_FALSE(all.cache);
}
