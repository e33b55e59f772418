#include "proxy/session/connection_registry.hpp"

#include <doctest/doctest.h>

using namespace holdwater::proxy;
using course = kill_order::course;

namespace {

// A registry with sessions that hold server connections.
struct registry_of_two {
  connection_registry registry;
  std::shared_ptr<session_record> one = registry.enter([] {});
  std::shared_ptr<session_record> other = registry.enter([] {});
  std::shared_ptr<link_record> link = registry.open(7);
};

} // namespace

TEST_CASE("ids are positive numbers to clients that read them as signed, and each is given once") {
  registry_of_two here;
  CHECK(here.one->id != here.other->id);
  CHECK(here.one->id >= connection_registry::first_own_id);
  CHECK(here.one->id <= 0x7fffffffu);
}

TEST_CASE("ids keep away from the server's, wherever it has come to") {
  registry_of_two here;
  const auto far = here.registry.open(connection_registry::first_own_id + 5);
  const auto session = here.registry.enter([] {});
  CHECK(session->id >= connection_registry::first_other_id);
  CHECK(session->id < connection_registry::first_own_id);
  const auto back = here.registry.open(8);
  CHECK(here.registry.enter([] {})->id >= connection_registry::first_own_id);
}

TEST_CASE("a KILL by an id of ours goes to the server connection that the session has") {
  registry_of_two here;
  REQUIRE(here.registry.hold(*here.one, here.link));
  const auto order = here.registry.aim(here.one->id, false, 0);
  CHECK(order.what == course::rewrite);
  CHECK(order.server_id == 7);
  CHECK(order.target == here.one);
  CHECK(here.one->doomed.load());
}

TEST_CASE("a KILL QUERY does not doom the session, but its connection goes to nobody else") {
  registry_of_two here;
  REQUIRE(here.registry.hold(*here.one, here.link));
  CHECK(here.registry.aim(here.one->id, true, 0).what == course::rewrite);
  CHECK_FALSE(here.one->doomed.load());
  CHECK_FALSE(here.registry.lay_down(*here.link));
}

TEST_CASE("a session without a server connection is ended here") {
  registry_of_two here;
  CHECK(here.registry.aim(here.one->id, false, 0).what == course::local);
  REQUIRE(here.registry.hold(*here.one, here.link));
  REQUIRE(here.registry.hold(*here.other, here.link)); // it went to another
  CHECK(here.registry.aim(here.one->id, false, 0).what == course::local);
}

TEST_CASE("an id that is none of ours is the server's business, whatever its size") {
  registry_of_two here;
  const std::uint64_t gone = here.other->id;
  here.other.reset();
  for (const std::uint64_t id :
       {std::uint64_t{99}, gone, std::uint64_t{1} << 40, (std::uint64_t{1} << 32) + 7})
    CHECK(here.registry.aim(id, false, 0).what == course::pass);
}

TEST_CASE("the server's id of a connection that has changed hands is unknown to who learned it before") {
  registry_of_two here;
  REQUIRE(here.registry.hold(*here.one, here.link));
  const auto looked = here.registry.now();
  REQUIRE(here.registry.lay_down(*here.link));
  REQUIRE(here.registry.hold(*here.other, here.link));
  CHECK(here.registry.aim(7, false, looked).what == course::unknown);
  CHECK_FALSE(here.other->doomed.load());
  SUBCASE("not to who has looked since") {
    CHECK(here.registry.aim(7, false, here.registry.now()).what == course::pass);
    CHECK(here.other->doomed.load());
  }
  SUBCASE("not when its holder has asked for it") {
    here.registry.tell(*here.link);
    CHECK(here.registry.aim(7, false, looked).target == here.other);
  }
}

TEST_CASE("a connection that a KILL was sent to while it was nobody's goes to nobody") {
  registry_of_two here;
  REQUIRE(here.registry.hold(*here.one, here.link));
  REQUIRE(here.registry.lay_down(*here.link));
  CHECK(here.registry.aim(7, true, here.registry.now()).what == course::pass);
  CHECK_FALSE(here.registry.hold(*here.other, here.link));
}

TEST_CASE("connections are counted while they live") {
  registry_of_two here;
  CHECK(here.registry.links() == 1);
  here.link.reset();
  CHECK(here.registry.links() == 0);
}
