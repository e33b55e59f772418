// What breaks: the server, the network, Holdwater itself and its disk.
#include "tests/sim/world.hpp"

namespace holdwater::sim {

void world::happened(const std::string& kind) {
  machine::the().note("FAULT {}", kind);
  told_.happened(kind);
}

void world::strike() {
  ++faults_;
  switch (luck_.below(10)) {
  case 8:
  case 9: return strike_replay();
  case 0:
  case 1:
  case 2: return strike_server();
  case 3:
  case 4: return strike_network();
  case 5: return strike_proxy();
  case 6: return strike_disk();
  default: break;
  }
  // Trouble with single statements, for a while.
  auto& troubles = server_.troubles;
  const auto some = [&] { return luck_.chance(1, 2) ? 0u : static_cast<unsigned>(2 + luck_.below(40)); };
  happened("troubles begin");
  troubles.late_one_in = some();
  troubles.very_late_one_in = luck_.chance(1, 3) ? some() : 0;
  troubles.lost_before_one_in = some();
  troubles.lost_after_one_in = some();
  troubles.lost_at_commit_one_in = some();
  troubles.cut_answer_one_in = some();
  troubles.deadlock_one_in = some();
  troubles.dies_before_commit_one_in = luck_.chance(1, 3) ? some() : 0;
  troubles.dies_after_commit_one_in = luck_.chance(1, 2) ? some() : 0;
  for (auto rounds = 1 + luck_.below(6); rounds > 0; --rounds) {
    pause(100 * millisecond, second);
    if (!server_.running()) {
      happened("server died at a COMMIT");
      restart_server(luck_.chance(1, 4));
    }
  }
  server_.troubles = {};
  if (!server_.running()) restart_server(false);
}

void world::restart_server(bool may_lag) {
  pause(0, luck_.chance(1, 2) ? 200 * millisecond : 10 * second);
  if (may_lag && server_.data.log().size() > 4) {
    const auto size = server_.data.log().size();
    const auto lost = 1 + luck_.below(std::min<std::uint64_t>(size / 2, 30));
    happened("server comes back as a lagging copy");
    const std::vector<commit_record> gone(server_.data.log().end() - static_cast<std::ptrdiff_t>(lost),
                                          server_.data.log().end());
    server_.data.forget_tail(lost);
    told_.forgotten(gone);
  }
  server_.start();
}

void world::strike_server() {
  switch (luck_.below(8)) {
  case 0:
  case 1: {
    happened("server killed");
    server_.kill();
    return restart_server(luck_.chance(1, 4));
  }
  case 2:
  case 3:
    happened("server frozen");
    server_.freeze(true);
    pause(50 * millisecond, luck_.chance(1, 2) ? second : 15 * second);
    return server_.freeze(false);
  case 4:
    happened("server read-only");
    server_.read_only = true;
    pause(100 * millisecond, luck_.chance(1, 2) ? second : 12 * second);
    machine::the().note("read_only is taken back");
    server_.read_only = false;
    return;
  case 5: happened("server kills connections"); return server_.kill_connections(1, 1 + luck_.below(3));
  case 6:
    happened("server has no room");
    server_.most_connections = static_cast<unsigned>(luck_.below(6));
    if (luck_.chance(1, 2)) server_.kill_connections(1, 2);
    pause(100 * millisecond, 6 * second);
    server_.most_connections = 1000;
    return;
  default: {
    if (server_.data.ledger().empty()) return;
    happened("ledger row deleted");
    server_.data.forget_ledger_row(server_.data.ledger().begin()->first);
    server_.kill_connections(1, 1); // so that it is looked at
    return;
  }
  }
}

// An outage long enough for a queue, and then something in the middle of its replay.
void world::strike_replay() {
  happened("outage, and trouble while it is made up for");
  server_.kill();
  pause(2 * second, 6 * second);
  auto& troubles = server_.troubles;
  const auto kind = luck_.below(6);
  if (kind == 0) troubles.dies_after_commit_one_in = static_cast<unsigned>(2 + luck_.below(8));
  if (kind == 1) troubles.dies_before_commit_one_in = static_cast<unsigned>(2 + luck_.below(8));
  if (kind == 2 && luck_.chance(1, 2))
    troubles.lost_after_one_in = static_cast<unsigned>(3 + luck_.below(12));
  if (kind == 2) troubles.lost_at_commit_one_in = static_cast<unsigned>(2 + luck_.below(3));
  if (kind == 2 && luck_.chance(1, 2))
    troubles.lost_before_one_in = static_cast<unsigned>(4 + luck_.below(30));
  if (kind == 3) troubles.late_one_in = 2;
  server_.start();
  for (auto rounds = 1 + luck_.below(12); rounds > 0; --rounds) {
    pause(0, 400 * millisecond);
    if (!server_.running()) restart_server(luck_.chance(1, 6));
    if (kind < 3) continue;
    auto& net = network::the();
    switch (luck_.below(7)) {
    case 0:
    case 5:
    case 6:
      happened("some connections to the server go dead without a word");
      net.darken_some(path::server, 1, 2);
      break;
    case 1:
      server_.freeze(true);
      pause(0, 8 * second);
      server_.freeze(false);
      break;
    case 2: net.reset_all(path::server, 1, 2); break;
    case 3: server_.read_only = !server_.read_only; break;
    default: break;
    }
  }
  troubles = {};
  server_.read_only = false;
  if (!server_.running()) restart_server(false);
}

void world::strike_network() {
  auto& net = network::the();
  switch (luck_.below(6)) {
  case 0:
    happened("network resets connections to the server");
    return net.reset_all(path::server, 1, 1 + static_cast<unsigned>(luck_.below(3)));
  case 1:
    happened("network to the server is dark");
    net.set_dark(path::server, true);
    pause(100 * millisecond, luck_.chance(1, 2) ? second : 12 * second);
    machine::the().note("the network is light again");
    return net.set_dark(path::server, false);
  case 2:
    happened("network refuses connections to the server");
    net.on(path::server).refuses = true;
    if (luck_.chance(1, 2)) net.reset_all(path::server, 1, 2);
    pause(100 * millisecond, 6 * second);
    net.on(path::server).refuses = false;
    return;
  case 3: {
    happened("network is slow, byte by byte");
    const auto where = luck_.chance(1, 2) ? path::server : path::clients;
    const auto before = net.on(where);
    net.on(where).byte_by_byte = true;
    net.on(where).most_delay = luck_.between(1, 20) * millisecond;
    pause(100 * millisecond, 2 * second);
    net.on(where) = before;
    return;
  }
  case 4:
    happened("clients are cut off");
    return net.reset_all(path::clients, 1, 1 + static_cast<unsigned>(luck_.below(3)));
  default:
    happened("server killed while the network is dark");
    net.set_dark(path::server, true);
    pause(0, 2 * second);
    server_.kill();
    pause(0, 2 * second);
    net.set_dark(path::server, false);
    return restart_server(luck_.chance(1, 4));
  }
}

void world::strike_proxy() {
  const bool server_too = luck_.chance(1, 3);
  if (server_too) {
    happened("server killed");
    server_.kill();
    if (luck_.chance(1, 2)) pause(0, 8 * second);
  }
  const auto kind = luck_.below(5);
  if (kind == 0) {
    happened("proxy stopped");
    proxy_.stop();
  } else {
    happened(kind < 3 ? "proxy killed" : "proxy loses power");
    proxy_.kill(kind >= 3);
  }
  pause(0, luck_.chance(1, 2) ? 100 * millisecond : 3 * second);
  if (server_too && luck_.chance(1, 2)) restart_server(luck_.chance(1, 4));
  proxy_.start();
  if (!server_.running()) restart_server(luck_.chance(1, 4));
}

void world::strike_disk() {
  happened("disk fails, and an outage");
  const bool frozen = luck_.chance(1, 2);
  if (frozen)
    server_.freeze(true);
  else
    server_.kill();
  pause(0, 6 * second);
  auto& disk = proxy_.disk();
  const auto fault =
      luck_.chance(1, 2) ? spool::test::disk_fault::io_error : spool::test::disk_fault::no_room;
  disk.fail_from(disk.steps() + 1 + luck_.below(30), fault,
                 luck_.chance(1, 2) ? 1 : static_cast<int>(luck_.below(20)));
  pause(100 * millisecond, 4 * second);
  const bool dies = luck_.chance(1, 4);
  if (dies) proxy_.kill(luck_.chance(1, 2));
  disk.heal();
  if (dies) {
    happened("proxy killed while its disk failed");
    proxy_.start();
  }
  if (frozen)
    server_.freeze(false);
  else
    restart_server(luck_.chance(1, 8));
}

void world::mend() {
  server_.quiet();
  server_.freeze(false);
  auto& net = network::the();
  net.set_dark(path::server, false);
  net.on(path::server).refuses = net.on(path::server).byte_by_byte = false;
  proxy_.disk().heal();
  if (!server_.running()) server_.start();
  if (!proxy_.running()) proxy_.start();
}

} // namespace holdwater::sim
