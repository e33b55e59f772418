// When replicas are watched, and which is chosen: nothing is sent here.
#include "proxy/replicas/replica_list.hpp"

#include <doctest/doctest.h>

using namespace holdwater::proxy;
using std::chrono::seconds;

namespace {

options with_replicas(std::string list) {
  options settings;
  settings.server.replicas = std::move(list);
  return settings;
}

// Nobody looks after them here: they stay `looking` while they are watched.
bool watched(const replica_list& all) {
  return all.undecided();
}

void server_is(replica_list& all, server_state state, bool reads = false) {
  server_view view;
  view.state = state;
  view.reads = reads;
  all.server_is(view);
}

} // namespace

TEST_CASE("replicas are watched while the server answers no reads, and only then") {
  for (const auto answering : {server_state::up, server_state::draining, server_state::halted})
    for (const auto away : {server_state::suspect, server_state::down}) {
      replica_list all(with_replicas("127.0.0.1:1,127.0.0.2:2"));
      CHECK_FALSE(watched(all));
      server_is(all, answering);
      CHECK_FALSE(watched(all));
      server_is(all, away);
      CHECK(watched(all));
    }
}

TEST_CASE("a server that only takes no writes is asked itself") {
  replica_list all(with_replicas("127.0.0.1:1"));
  server_is(all, server_state::up);
  server_is(all, server_state::down, true);
  CHECK_FALSE(watched(all));
}

TEST_CASE("before the server was met for the first time, it has to be declared down") {
  replica_list all(with_replicas("127.0.0.1:1"));
  server_is(all, server_state::suspect);
  CHECK_FALSE(watched(all));
  server_is(all, server_state::down);
  CHECK(watched(all));
}

TEST_CASE("a replica of which nothing is known yet is not asked") {
  replica_list all(with_replicas("127.0.0.1:1,127.0.0.1:2"));
  server_is(all, server_state::up);
  server_is(all, server_state::down);
  const std::string user = "app", database = "shop";
  CHECK(all.choose({user, database, 0, seconds(3600)}) == nullptr);
  CHECK(all.bit_of(*all.all()[0]) == 1);
  CHECK(all.bit_of(*all.all()[1]) == 2);
}

TEST_CASE("an account that a replica has refused is not tried there, and others are") {
  replica one({"127.0.0.1", 1, {}}, with_replicas("127.0.0.1:1"));
  CHECK(one.takes("app", "shop"));
  one.refused("app", "shop");
  CHECK_FALSE(one.takes("app", "shop"));
  CHECK(one.takes("app", "other"));
  CHECK(one.takes("other", "shop"));
  one.server_is_away(true);
  CHECK_FALSE(one.takes("app", "shop"));
  one.server_is_away(false); // a new outage, a new try
  CHECK(one.takes("app", "shop"));
  one.not_reached("connection refused");
  CHECK_FALSE(one.takes("other", "shop"));
}

TEST_CASE("what nobody knows the age of is not fit to be asked") {
  CHECK(why_unfit({}).empty());
  CHECK_FALSE(why_unfit({.applier_stopped = true}).empty());
  CHECK_FALSE(why_unfit({.receiver_stopped = true}).empty());
  CHECK_FALSE(why_unfit({.lags_unseen = true}).empty());
  CHECK_FALSE(why_unfit({.applier_stopped = true, .behind = seconds(0)}).empty());
  CHECK(why_unfit({.behind = seconds(3600)}).empty()); // how far behind it may be is the asker's to say
}
