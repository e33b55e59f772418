// What an event says, and what it never does.
#include "proxy/hook/event.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace holdwater::proxy;

TEST_CASE("an event is a line of JSON, and the same in variables") {
  hook_event one("state",
                 std::chrono::system_clock::time_point(std::chrono::milliseconds(1'700'000'000'250)));
  one.with("from", "up").with("to", "down").with("pending", std::uint64_t{3}).with_flag("reads_go_on", false);
  CHECK(one.kind() == "state");
  CHECK(
      one.json() ==
      R"({"event":"state","at":"2023-11-14T22:13:20.250Z","from":"up","to":"down","pending":3,"reads_go_on":false})"
      "\n");
  CHECK(one.environment() ==
        std::vector<std::string>{"HOLDWATER_EVENT=state", "HOLDWATER_EVENT_AT=2023-11-14T22:13:20.250Z",
                                 "HOLDWATER_EVENT_FROM=up", "HOLDWATER_EVENT_TO=down",
                                 "HOLDWATER_EVENT_PENDING=3", "HOLDWATER_EVENT_READS_GO_ON=false"});
}

TEST_CASE("of a reason what stands in quotes is left out, and other bytes are none of its text") {
  hook_event one("dead_letter");
  one.with_reason("reason", "Duplicate entry 'secret-7' for key 'PRIMARY'").with("why", "a\nb\0\xff");
  const auto text = one.json();
  CHECK(text.find("secret") == text.npos);
  CHECK(text.find("Duplicate entry '...'") != text.npos);
  CHECK(text.find("a?b") != text.npos);
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
  one.with("why", std::string(5000, 'x'));
  CHECK(one.json().size() < 1500);
}
