// Whom the warm reads are asked for, and when.
#include "proxy/warming/asker_list.hpp"

#include <doctest/doctest.h>

using namespace holdwater::proxy;
using namespace std::chrono_literals;

namespace {

const asker_list::time start{1000h};

known_asker of(std::string user, std::string database = "shop") {
  return {std::move(user), std::move(database), 4, 45, {"SET NAMES utf8mb4"}};
}

std::vector<known_asker> due(asker_list& list, asker_list::time now) {
  std::vector<known_asker> out;
  while (auto one = list.take_due(now)) out.push_back(*one);
  return out;
}

} // namespace

TEST_CASE("a new kind is due at once, and then every interval") {
  asker_list list(5min);
  CHECK_FALSE(list.next_due());
  CHECK(list.note(of("app"), start));
  CHECK(due(list, start) == std::vector{of("app")});
  CHECK_FALSE(list.note(of("app"), start + 1min));
  CHECK(list.next_due() == start + 5min);
  CHECK(due(list, start + 5min - 1s).empty());
  CHECK(due(list, start + 6min) == std::vector{of("app")});
  CHECK(list.next_due() == start + 11min);
}

TEST_CASE("an account has a stand-in until one of its connections is seen") {
  asker_list list(5min);
  list.add_stand_in(of("app"), start);
  list.add_stand_in(of("app"), start);
  list.add_stand_in(of("other"), start);
  CHECK(due(list, start).size() == 2);
  CHECK(list.seen().empty());
  CHECK(list.note(of("app"), start)); // also when it is just like the stand-in
  CHECK(list.size() == 2);
  CHECK(list.seen() == std::vector{of("app")});
  list.add_stand_in(of("app"), start);
  CHECK(list.size() == 2);
}

TEST_CASE("the kind that was not seen for longest makes room") {
  asker_list list(5min);
  for (std::size_t i = 0; i < asker_list::most; ++i) CHECK(list.note(of("app", std::to_string(i)), start));
  CHECK_FALSE(list.note(of("app", "0"), start));
  CHECK(list.note(of("app", "another"), start));
  CHECK(list.size() == asker_list::most);
  CHECK_FALSE(list.note(of("app", "0"), start));
  CHECK(list.note(of("app", "1"), start));
}

TEST_CASE("after an outage all are due, but none that was asked a moment ago") {
  asker_list list(5min);
  list.note(of("app"), start);
  list.note(of("other"), start + 1min);
  CHECK(list.take_due(start));
  CHECK(list.take_due(start + 1min));
  list.hurry(start + 1min + 1s);
  CHECK(due(list, start + 1min + 1s) == std::vector{of("app")});
  CHECK(list.next_due() == start + 1min + 10s);
  list.hurry(start + 1min + 2s); // it comes and goes
  CHECK(list.next_due() == start + 1min + 10s);
}

TEST_CASE("a short interval is not made longer by an outage") {
  asker_list list(300ms);
  list.note(of("app"), start);
  CHECK(list.take_due(start));
  list.hurry(start + 100ms);
  CHECK(list.next_due() == start + 300ms);
}
