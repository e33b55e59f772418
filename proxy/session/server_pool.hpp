// A worker's idle server connections, kept after their client has left, for the next client of the same
// account. A connection never leaves its worker's loop; how many are idle is bounded for the whole process.
//
// Invariant: what is handed out was reset (COM_RESET_CONNECTION, when its client left, so that no lock and no
// transaction outlives the client), has said nothing since, and is of the present outage. Who takes it logs
// in anew over it before anyone uses it: reach_server.cpp.
#pragma once

#include "proxy/session/link.hpp"

#include <list>
#include <memory>
#include <optional>

namespace holdwater::proxy {

// What a client wants of a kept connection besides its login; nullopt when it does not matter.
struct link_wishes {
  std::optional<bool> tls;
  std::optional<protocol::compression> compression;
};

class server_pool {
 public:
  explicit server_pool(worker& home) : home_(home) {}

  // Keeps an idle link of a known account. False, and untouched, when it is not worth keeping.
  [[nodiscard]] bool put(server_link& link);
  // The one used last among those that fit, detached from the pool: `owner` is woken by it from now on.
  [[nodiscard]] std::optional<server_link> take(const protocol::handshake_response& login,
                                                const link_wishes& wishes, wakeup& owner);
  // Says goodbye to all of them.
  void shed();

 private:
  struct kept;
  using kept_list = std::list<std::shared_ptr<kept>>;

  task<> keep(std::shared_ptr<kept> one);
  task<bool> clean(kept& one);
  [[nodiscard]] bool worth_keeping(const server_link& link) const;
  bool make_room();
  void let_go(kept_list::iterator which);
  void end(const std::shared_ptr<kept>& one);

  worker& home_;
  kept_list idle_; // the one used last in front
};

} // namespace holdwater::proxy
