#include "proxy/server/state_board.hpp"

#include <doctest/doctest.h>

using namespace holdwater::proxy;

TEST_CASE("each time the server goes down a new outage begins") {
  state_board board;
  const auto first = board.view().outage;
  board.publish(server_state::up);
  CHECK(board.view().outage == first);
  board.publish(server_state::down);
  CHECK(board.view().outage == first + 1);
  board.publish(server_state::down);
  CHECK(board.view().outage == first + 1);
  board.publish(server_state::draining);
  board.publish(server_state::down);
  CHECK(board.view().outage == first + 2);
}

TEST_CASE("while reads go on, connections are worth what they were") {
  state_board board;
  board.publish(server_state::up);
  const auto first = board.view().outage;
  board.publish(server_state::suspect, true);
  board.publish(server_state::down, true);
  CHECK(board.view().outage == first);
  CHECK(board.view().reads);
  CHECK(board.view().answers());
  board.publish(server_state::down); // now it is gone
  CHECK(board.view().outage == first + 1);
  CHECK_FALSE(board.view().answers());
  board.publish(server_state::down, true); // it is back, and read-only
  CHECK(board.view().outage == first + 1);
  board.publish(server_state::draining);
  CHECK_FALSE(board.view().reads);
  CHECK(board.view().answers());
}

TEST_CASE("when another server takes its place, connections to the one before are known") {
  state_board board;
  board.publish(server_state::down);
  const auto before = board.view();
  CHECK_FALSE(board.has_moved_since(before.outage));
  board.publish_move();
  CHECK(board.has_moved_since(before.outage));
  CHECK(board.view().outage == before.outage + 1);
  CHECK(board.view().state == server_state::down);
  CHECK_FALSE(board.has_moved_since(board.view().outage));
  const auto at_new = board.view().outage;
  board.publish(server_state::draining);
  board.publish(server_state::down); // an outage is no move
  CHECK_FALSE(board.has_moved_since(at_new));
}

TEST_CASE("a drain does not end while a session is about to append") {
  state_board board;
  board.publish(server_state::draining);
  REQUIRE(board.enter_append());
  CHECK_FALSE(board.publish_up_if([] { return true; }));
  CHECK(board.view().state == server_state::draining);
  board.leave_append();
  CHECK_FALSE(board.publish_up_if([] { return false; }));
  CHECK(board.publish_up_if([] { return true; }));
  CHECK(board.view().state == server_state::up);
}

TEST_CASE("a session that would append after the drain has ended is told to decide anew") {
  state_board board;
  board.publish(server_state::up);
  CHECK_FALSE(board.enter_append());
  board.publish(server_state::halted);
  CHECK_FALSE(board.enter_append());
  board.publish(server_state::down);
  CHECK(board.enter_append());
  board.leave_append();
}

TEST_CASE("every change is announced with what holds after it") {
  state_board board;
  std::vector<server_state> heard;
  board.on_change([&](server_view view) { heard.push_back(view.state); });
  board.publish(server_state::down);
  board.publish(server_state::draining);
  CHECK(board.publish_up_if([] { return true; }));
  CHECK(heard == std::vector{server_state::down, server_state::draining, server_state::up});
}
