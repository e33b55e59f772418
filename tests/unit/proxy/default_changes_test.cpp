#include "proxy/server/default_changes.hpp"

#include <doctest/doctest.h>

using namespace holdwater;
using proxy::default_changes;
using moment = default_changes::moment;
using std::chrono::hours;

namespace {

moment now() {
  return std::chrono::steady_clock::now();
}

} // namespace

TEST_CASE("values that were taken while nothing changed are not in doubt") {
  default_changes changes;
  const auto version = changes.version();
  CHECK(version != 0);
  changes.found_same(changes.sets(), now());
  CHECK_FALSE(changes.in_doubt(now() - hours(1), now()));
  CHECK(changes.version() == version);
}

TEST_CASE("those taken between two looks at the globals, which found them others, are") {
  default_changes changes;
  const auto before = now() - hours(1);
  changes.found_same(0, now());
  const auto taken = now();
  changes.found_others(0, now());
  const auto after = now();
  CHECK(changes.in_doubt(taken, taken));
  CHECK(changes.in_doubt(before, taken));
  CHECK(changes.in_doubt(taken, after));
  CHECK_FALSE(changes.in_doubt(before, before));
  CHECK_FALSE(changes.in_doubt(after, after + hours(1)));
  CHECK(changes.version() != default_changes().version());
}

TEST_CASE("those taken after a SET GLOBAL was seen are in doubt until the globals were looked at") {
  default_changes changes;
  const auto before = now();
  changes.set_seen();
  CHECK(changes.unlearned());
  CHECK(changes.in_doubt(before, now()));
  CHECK_FALSE(changes.in_doubt(before - hours(2), before - hours(1)));
  const auto known = changes.sets();
  changes.set_seen();
  changes.found_same(known, now()); // asked before the second was seen
  CHECK(changes.unlearned());
  changes.found_same(changes.sets(), now());
  CHECK_FALSE(changes.unlearned());
  CHECK_FALSE(changes.in_doubt(before, now()));
}

TEST_CASE("however many changes there were, none is forgotten") {
  default_changes changes;
  const auto first = now();
  for (int each = 0; each < 40; ++each) changes.found_others(0, now());
  CHECK(changes.in_doubt(first, first));
  CHECK_FALSE(changes.in_doubt(now(), now()));
}
