#include "admin/access.hpp"

#include <doctest/doctest.h>

using namespace holdwater::admin;
using namespace std::chrono_literals;

TEST_CASE("a token opens the role that it is for, as Bearer and as Basic's password") {
  const gate one({"operate-operate", "read-read"});
  CHECK_FALSE(one.open());
  CHECK(one.admit("Bearer operate-operate") == role::operate);
  CHECK(one.admit("bearer  read-read ") == role::read);
  CHECK(one.admit("Basic b3A6b3BlcmF0ZS1vcGVyYXRl") == role::operate); // op:operate-operate
  CHECK(one.admit("Basic OnJlYWQtcmVhZA==") == role::read);            // :read-read
}

TEST_CASE("everything else opens nothing") {
  const gate one({"operate-operate", ""});
  CHECK(one.admit(std::nullopt) == role::nobody);
  for (const char* header : {"", "Bearer", "Bearer ", "Bearer x", "Bearer operate-operat",
                             "Bearer operate-operate2", "operate-operate", "Basic operate-operate",
                             "Basic b3BlcmF0ZS1vcGVyYXRl", "Basic OnJlYWQtcmVhZA==", "Basic !!!!",
                             "Basic OgA=", "Digest operate-operate", "Bearer\toperate-operate"}) {
    CAPTURE(header);
    CHECK(one.admit(header) == role::nobody);
  }
  CHECK(gate({"", "read-read"}).admit("Bearer ") == role::nobody);
}

TEST_CASE("without tokens the gate is open") {
  CHECK(gate({}).open());
  CHECK(gate({}).admit(std::nullopt) == role::operate);
}

TEST_CASE("an address is blocked after so many failures, until its window is over") {
  failure_limit limit(3, 60s);
  const failure_limit::time_point start{1h};
  CHECK(limit.note("a", start) == 1);
  CHECK(limit.note("a", start + 1s) == 2);
  CHECK_FALSE(limit.blocks("a", start + 1s));
  CHECK(limit.note("a", start + 59s) == 3);
  CHECK(limit.blocks("a", start + 59s));
  CHECK_FALSE(limit.blocks("b", start + 59s));
  CHECK_FALSE(limit.blocks("a", start + 60s));
  CHECK(limit.note("a", start + 60s) == 1);
  for (int i = 0; i < 10'000; ++i) limit.note(std::to_string(i), start + 61s); // bounded, and still right
  CHECK(limit.note("z", start + 61s) == 1);
}
