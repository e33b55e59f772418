#include "tests/sim/server.hpp"

#include "tests/sim/server_session.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace holdwater::sim {

server::server(std::vector<account_entry> accounts, server_observer& observer, std::uint64_t seed)
    : accounts_(std::move(accounts)), observer_(observer), luck_(seed) {}

void server::start() {
  auto& here = machine::the();
  here.note("SERVER starts");
  process_ = here.new_process();
  started_ = here.now();
  frozen_ = false;
  next_id_ = first_id;
  here.spawn("server", process_, [this] { accept(); });
}

void server::accept() {
  const int door = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server_port);
  ::bind(door, reinterpret_cast<sockaddr*>(&address), sizeof address);
  ::listen(door, 100);
  for (;;) {
    const int one = ::accept(door, nullptr, nullptr);
    while (frozen_) machine::the().wait({&thaw_});
    if (one < 0) return;
    const auto id = next_id_++;
    machine::the().spawn("server#" + std::to_string(id), process_, [this, one, id] { serve(one, id); });
  }
}

void server::serve(int descriptor, std::uint64_t id) {
  server_session session(*this, descriptor, id);
  session.run();
  sessions_.erase(id);
  ::close(descriptor);
}

// Everything that was not committed is gone, and its machine resets the connections.
void server::kill() {
  if (!running()) return;
  auto& here = machine::the();
  here.note("SERVER is killed");
  const auto mine = process_;
  process_ = 0;
  here.kill(mine);
  network::the().close_all(mine, true);
  sessions_.clear();
  locks_.clear();
  frozen_ = false;
}

// A thread cannot end its own process: the machine does it, before anything else runs.
void server::die() {
  machine::the().at(machine::the().now(), [this] { kill(); });
  machine::the().wait({});
}

void server::freeze(bool on) {
  if (on == frozen_) return;
  machine::the().note("SERVER {}", on ? "freezes" : "thaws");
  frozen_ = on;
  if (!on) machine::the().wake_all(thaw_);
}

void server::kill_connections(unsigned of, unsigned in) {
  for (const auto& [id, one] : sessions_)
    if (luck_.chance(of, in)) one->kill_soon();
}

void server::quiet() {
  troubles = {};
  read_only = false;
  most_connections = 1000;
}

} // namespace holdwater::sim
