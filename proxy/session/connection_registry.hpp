// Who is who: the connection ids that clients know and the server's own, of all workers, so that a KILL ends
// what its client means. Touched when a session begins and ends and when a server connection changes hands,
// not by its statements.
//
// An id that clients know is Holdwater's own (the greeting's) or the server's (told by CONNECTION_ID() or a
// process list). Ours are taken from a quarter of the positive 32-bit integers in which the server is not at
// present: some clients read ids as signed.
// One of the server's may have been learned before the connection went to
// another session.
//
// Invariant: a KILL is passed on for a connection of ours only when it means the connection's present holder,
// and that connection is never handed to another session afterwards: the KILL may arrive late.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace holdwater::proxy {

// A connection to the server. The fields belong to the registry.
struct link_record {
  std::uint32_t server_id = 0;
  std::uint32_t holder = 0; // a session's id, 0: nobody's
  std::uint64_t since = 0;  // when it came into these hands, on the registry's clock
  bool was_others = false;  // another session held it before
  bool told = false;        // its holder has asked for its id
  bool condemned = false;   // a KILL is on its way to it
};

// A client's session, for as long as it lives.
struct session_record {
  std::uint32_t id = 0;
  std::string user;    // the registry's
  std::string address; // the registry's: the client's, as far as it is known
  std::chrono::system_clock::time_point since = std::chrono::system_clock::now();
  std::weak_ptr<link_record> link; // the registry's
  std::function<void()> end;       // soon; any thread
  std::function<void()> interrupt; // likewise: of what is asked of a replica
  std::atomic<bool> doomed{false}; // a KILL was sent to its connection: it ends with it
};

// What to do with a KILL of an id.
struct kill_order {
  enum class course : std::uint8_t {
    pass,    // as it is
    rewrite, // with server_id instead
    unknown, // nobody has that id (any more): error 1094
    local,   // a session without a server connection
  };
  course what = course::pass;
  std::uint32_t server_id = 0;
  std::shared_ptr<session_record> target; // null: none of ours
};

// A KILL of a client's, and what becomes of it.
struct kill_plan {
  kill_order order; // of the last KILL in the text
  std::uint64_t id = 0;
  bool query_only = false;
};

class connection_registry {
 public:
  static constexpr std::uint32_t first_own_id = 0x40000000u;
  static constexpr std::uint32_t first_other_id = 0x20000000u; // when the server is there
  static constexpr std::uint32_t own_ids = 0x1fffffffu;        // a mask

  // A new session under an id of its own. The entries leave by themselves when the last owner drops them.
  [[nodiscard]] std::shared_ptr<session_record> enter(std::function<void()> end,
                                                      std::function<void()> interrupt = {});
  [[nodiscard]] std::shared_ptr<link_record> open(std::uint32_t server_id);

  void name(session_record& session, const std::string& user, const std::string& address);
  // The link is the session's from now on. False: a KILL is on its way to it that does not mean the session.
  [[nodiscard]] bool hold(session_record& session, const std::shared_ptr<link_record>& link);
  // It is nobody's. False: it must not be anybody's again.
  [[nodiscard]] bool lay_down(link_record& link);
  // Its holder has asked for its id.
  void tell(link_record& link);
  // Moves on whenever a link changes hands.
  [[nodiscard]] std::uint64_t now() const { return clock_.load(std::memory_order_acquire); }

  // `looked_at`: when the one who kills last looked at the server's connections. Marks what the KILL will
  // meet.
  [[nodiscard]] kill_order aim(std::uint64_t id, bool query_only, std::uint64_t looked_at);
  // The session of that id of ours, null when it is none.
  [[nodiscard]] std::shared_ptr<session_record> find(std::uint64_t id);
  // Server connections that live.
  [[nodiscard]] std::size_t links() const;
  [[nodiscard]] std::string user_of(const session_record& session);

  // For people to look at.
  struct listed {
    std::uint32_t id = 0;
    std::string user; // empty: it has not logged in yet
    std::string address;
    std::chrono::system_clock::time_point since;
    std::uint32_t server_id = 0; // 0: it has no server connection now
  };
  // The oldest first.
  [[nodiscard]] std::vector<listed> list(std::size_t most, std::size_t& of) const;

 private:
  [[nodiscard]] std::shared_ptr<session_record> find_locked(std::uint64_t id);
  kill_order condemn(link_record& link, std::shared_ptr<session_record> target, bool query_only);

  mutable std::mutex mutex_;
  std::uint32_t last_id_ = 0;        // of ours, without its first bits
  std::uint32_t last_server_id_ = 0; // that the server gave to one of ours
  std::atomic<std::uint64_t> clock_{1};
  std::unordered_map<std::uint32_t, std::weak_ptr<session_record>> sessions_;
  std::unordered_map<std::uint32_t, std::weak_ptr<link_record>> links_;
};

} // namespace holdwater::proxy
