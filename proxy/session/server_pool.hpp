// A worker's idle server connections, kept after their client has left, for the next client of the same
// account; with pool.mode = transaction also those of silent sessions, which take them back as they left them
// unless another session needed them meanwhile. A connection never leaves its worker's loop; how many are
// idle is bounded for the whole process.
//
// Invariants:
// - A client that may have left locks or a transaction behind has its connection reset at once. Another one's
//   is reset a moment later, or in front of the next client's first command, whichever comes first.
// - A kept connection has said nothing since, and is of the present outage.
// - It is handed out as logged in only when the server has let its account into its database within
//   pool.revalidate_after, nothing seen since may have changed that, and its reset is that young too; when
//   its own login, whose rights and roles it has, is at most ten times as old and nothing seen since may have
//   changed them; and when it was proved here that a reset makes it what a login makes it. Anything else is
//   logged in anew before it is used: reach_server.cpp.
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

class pool_turn;

class server_pool {
 public:
  explicit server_pool(worker& home) : home_(home) {}

  // Keeps an idle link of a known account. `light`: its client left no transaction, lock or the like in it.
  // False, and untouched, when it is not worth keeping.
  [[nodiscard]] bool put(server_link& link, bool light);

  // Keeps the link of a session that is silent. What it gives is for take_back(), 0 when there will be
  // nothing to take back; nullopt, and untouched, when it is not worth keeping.
  [[nodiscard]] std::optional<std::uint64_t> lend(server_link& link);
  // Nothing about it speaks against lending it, now or later.
  [[nodiscard]] bool may_keep(const server_link& link) const;
  // As it was lent; nullopt: another session needed it, or it was lost.
  [[nodiscard]] std::optional<server_link> take_back(std::uint64_t lent, wakeup& owner);
  // Past pool.max_age: it gets no further client.
  [[nodiscard]] bool has_aged(const server_link& link) const;
  // Nobody will take it back.
  void leave(std::uint64_t lent);

  // A further connection's place among pool.max_connections, for as long as it lives; null: there is none,
  // not even that of an idle connection.
  [[nodiscard]] std::shared_ptr<void> take_place();
  struct taken {
    server_link link;
    bool logged_in = false; // as the login wants it; link.login_ok is the answer ...
    bool settles = false;   // ... once the reset that it owes is answered
  };
  // The one used last among those that fit, detached from the pool: `owner` is woken by it from now on.
  [[nodiscard]] std::optional<taken> take(const protocol::handshake_response& login,
                                          const link_wishes& wishes, wakeup& owner);
  // Says goodbye to all of them.
  void shed();

  using moment = server_moment;
  [[nodiscard]] moment now() const;
  // Asked then, the server let the link's account into its database.
  void vouch(const server_link& link, moment asked);
  // Asked then, the server had no init_connect.
  void heard_no_init_connect(moment asked) { no_init_connect_ = asked; }

 private:
  friend class pool_turn;
  struct kept;
  using kept_list = std::list<std::shared_ptr<kept>>;

  // What a login of that character set and database is after a reset and the same said as commands, so that
  // it stays true when the server's variables or the database's own collation change.
  struct recipe {
    std::uint16_t collation = 0;
    std::string database;
    std::shared_ptr<const fresh_start> words; // null: only a login makes it so
  };
  struct voucher {
    std::string user;
    std::string database;
    moment asked;
  };

  [[nodiscard]] std::shared_ptr<kept> take_in(server_link& link, bool light, bool lent);
  [[nodiscard]] kept_list::iterator find_lent(std::uint64_t lent);
  [[nodiscard]] server_link detach(kept_list::iterator which, wakeup& owner);
  void call_next();
  task<> keep(std::shared_ptr<kept> one);
  task<bool> clean(kept& one);
  task<> prove(kept& one);
  task<> rest(kept& one, std::chrono::milliseconds most);
  [[nodiscard]] const recipe* recipe_of(const server_link& link) const;
  [[nodiscard]] bool still_holds(const moment& asked) const;
  [[nodiscard]] bool is_logged_in(const kept& one, const protocol::handshake_response& login) const;
  [[nodiscard]] bool worth_keeping(const server_link& link) const;
  // All places for idle connections are taken by such that were in use a moment ago: nothing is lent then,
  // since it would close another's that is needed again at once.
  [[nodiscard]] bool crowded() const;
  void forget_old_outage();
  bool make_room(bool lent);
  [[nodiscard]] bool is_full() const;
  void let_go(kept_list::iterator which, pool_end why);
  void end(const std::shared_ptr<kept>& one);

  // Outlives the pool: its last connections give their places back to it.
  struct places {
    std::size_t used = 0;
    std::uint64_t last_number = 0; // of a turn
    std::list<pool_turn*> waiting; // in the order of their numbers
  };

  worker& home_;
  std::shared_ptr<places> places_ = std::make_shared<places>();
  std::uint64_t last_lent_ = 0;
  kept_list idle_; // the one used last in front
  std::uint64_t outage_ = 0;
  std::vector<recipe> recipes_; // of this outage, as the rest
  std::vector<voucher> vouchers_;
  std::optional<moment> no_init_connect_;
  bool attributes_show_ = true; // performance_schema shows each login's attributes
};

// Who waits for a place, or for a connection that another gives away: called by the pool, the longest waiting
// first. Who was called and got nothing waits again where it was.
class pool_turn {
 public:
  pool_turn(server_pool& pool, wakeup& who);
  pool_turn(const pool_turn&) = delete;
  pool_turn& operator=(const pool_turn&) = delete;
  ~pool_turn(); // a call that it has made no use of is the next one's
  void wait();
  [[nodiscard]] bool called() const { return called_; }
  void served() { called_ = false; }

 private:
  friend class server_pool;
  server_pool& pool_;
  std::list<pool_turn*>& waiting_;
  wakeup& who_;
  const std::uint64_t number_;
  bool waits_ = false;
  bool called_ = false;
};

} // namespace holdwater::proxy
