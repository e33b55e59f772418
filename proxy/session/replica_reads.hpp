// A session's reads at a replica while the server is away: its connection there (replica_link.cpp) and the
// answers that come over it (replica_reads.cpp). The table of failures is in proxy/replicas/README.md.
//
// Invariant: nothing is sent over the connection but what restores the session, and reads, each of them right
// behind SET SESSION TRANSACTION READ ONLY. The client sees a byte of an answer only when the replica has
// begun to give rows, so that until then another one, or the cache, may answer instead.
#pragma once

#include "protocol/response_tracker.hpp"
#include "proxy/net/deadlines.hpp"
#include "proxy/net/task.hpp"
#include "proxy/replicas/replica_list.hpp"
#include "proxy/session/describe.hpp"
#include "proxy/session/link.hpp"
#include "proxy/session/outcomes.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::proxy {

class session;

// Counts as one of the replica's connections for as long as it is there.
class replica_link {
 public:
  replica_link(replica& at, server_link opened);
  replica_link(const replica_link&) = delete;
  replica_link& operator=(const replica_link&) = delete;
  ~replica_link(); // says goodbye

  replica& from;
  server_link link;
  const std::uint64_t number;        // of no other connection
  const std::uint64_t losses;        // replica::losses() when it was opened
  std::uint64_t settings = 0;        // session_state::reading_version() that it was brought to, 0: none
  std::string database;              // that is selected on it
  std::vector<std::uint32_t> closed; // statements that the client has closed, and the replica not yet
};

class replica_reads {
 public:
  explicit replica_reads(session& asker);

  // Whether the command may be asked of a replica now. Preconditions: describe() was just called; the
  // worker's analysis holds the statement.
  [[nodiscard]] bool may_ask(const command_facts& facts, const server_view& server);
  // ... or was, and must not be answered otherwise.
  [[nodiscard]] bool goes_before_cache(const command_facts& facts, const server_view& server);
  // Asks one of them. decide_again: it has not answered, and the client has seen nothing. Precondition:
  // may_ask().
  task<session_outcomes::verdict> ask(const command_facts& facts);
  // Why the present command was not answered: a sentence for people.
  [[nodiscard]] std::string_view trouble() const;

  // The session waits for its client: the connection goes when the server is there, or after
  // pool.idle_timeout. True: the state's next change wakes the session, unless it takes that back.
  [[nodiscard]] bool rest();
  void forget(const prepared_statement& closed);
  void close() { link_.reset(); }
  void hang_up();
  void interrupt(); // KILL QUERY: what is asked is answered with an error. On the worker's thread

 private:
  using trip = session_outcomes::trip;
  using verdict = session_outcomes::verdict;

  // replica_reads.cpp
  [[nodiscard]] bool is_askable(const command_facts& facts) const;
  [[nodiscard]] bool tells_of_the_server(const command_facts& facts) const;
  [[nodiscard]] replica* candidate() const;
  [[nodiscard]] bool may_wait() const;
  task<> await_verdict();
  [[nodiscard]] std::string_view lacks() const;
  [[nodiscard]] bool reads_what_is_queued() const;
  task<trip> send(prepared_statement* executed);
  task<trip> pass_answer();
  [[nodiscard]] bool take_packets(std::size_t& seen);
  void mark(std::size_t at, protocol::byte_span payload, bool in_rows);
  [[nodiscard]] bool open_statement(std::size_t at);
  void close_statement();
  void overwrite(std::size_t at, std::uint16_t value);
  void conclude(prepared_statement* executed);
  task<verdict> conclude_cut();
  task<verdict> conclude_interrupted();

  // replica_link.cpp
  [[nodiscard]] bool is_good(const replica& wanted);
  task<bool> reach(replica& one);
  task<> open(replica& one);
  task<bool> restore();
  task<bool> enter_database(const std::string& name);
  task<bool> prepare(prepared_statement& one);
  task<trip> wait_for_answer();
  task<trip> pass_over_answer();
  [[nodiscard]] protocol::byte_buffer execution_of(prepared_statement& one) const;
  void give_up(std::string_view what);
  void decline(std::string_view text, unsigned number);

  session& asker_;
  std::optional<replica_link> link_;
  deadline idle_;

  // of the present command
  std::uint64_t tried_ = 0; // a bit for each replica
  std::string trouble_;
  bool forbidden_ = false;      // the account has no right to it, so it gets it from nowhere
  std::string_view note_;       // about the writes that the answer lacks
  bool selects_ = false;        // it may begin a transaction
  std::uint32_t statement_ = 0; // the client's id of the one that it prepares, 0: none yet
  std::uint32_t left_ = 0;      // bytes still to come of a packet that is larger than the buffer
  unsigned warnings_ = 0;       // of the replica's own
  bool begun_ = false;          // the answer is no error
  bool full_ = false;           // no further statement can be remembered
  bool asking_ = false;         // an answer is awaited
  bool interrupted_ = false;
  protocol::response_tracker follower_;
};

} // namespace holdwater::proxy
