// A transaction that a client has open while the server is away: its writes wait here until COMMIT makes them
// one unit of the queue, or ROLLBACK forgets them. No I/O.
//
// Invariant: statements() are what COMMIT applies, all of them, in that order; nothing of them is anywhere
// else, neither on the disk nor at the server.
#pragma once

#include "spool/unit.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::proxy {

// How a transaction was begun.
struct transaction_mode {
  std::string isolation;  // as @@transaction_isolation says it; empty: not known
  bool read_only = false; // it takes no write
  bool snapshot = false;  // WITH CONSISTENT SNAPSHOT

  friend bool operator==(const transaction_mode&, const transaction_mode&) = default;
};

// Adds one to the writes of a command, and what it takes to `bytes`. False, and nothing is added, when these
// would be more than `most`; the first one is added in any case.
[[nodiscard]] bool add_within(std::uint64_t most, std::uint64_t& bytes, spool::statement one,
                              std::vector<spool::statement>& all);

class collected_transaction {
 public:
  struct limits {
    std::uint64_t bytes = 0;
    std::uint64_t statements = 0;
  };
  struct savepoint {
    std::string name;
    std::size_t statements = 0; // before it
    std::uint64_t bytes = 0;    // of these
  };

  [[nodiscard]] bool open() const { return open_; }
  [[nodiscard]] bool empty() const { return statements_.empty(); } // COMMIT has nothing to do
  [[nodiscard]] const transaction_mode& mode() const { return mode_; }
  [[nodiscard]] const std::vector<spool::statement>& statements() const { return statements_; }
  [[nodiscard]] const std::vector<savepoint>& savepoints() const { return savepoints_; } // oldest first

  void begin(transaction_mode mode);                          // precondition: not open
  void forget();                                              // also the end of one that is not open
  [[nodiscard]] bool ended_one() const { return ended_one_; } // the last forget() or take()
  void chain(); // another one of the same mode, after AND CHAIN; precondition: ended_one(), and not open
  // Ends it and gives its statements away. Precondition: open.
  [[nodiscard]] std::vector<spool::statement> take();

  [[nodiscard]] bool has_room_for(const std::vector<spool::statement>& more, const limits& most) const;
  // The statement gets the transaction's isolation. Precondition: open.
  void add(spool::statement one);

  // While the server takes no writes and answers reads, it reads there, in a transaction that gives it one
  // snapshot; with its first write that ends, and it reads no more.
  [[nodiscard]] bool reading() const { return reads_ == reads::open; }
  [[nodiscard]] bool has_read() const { return reads_ == reads::over; }
  void begin_reading() { reads_ = reads::open; }
  void end_reading() { reads_ = reads::over; }

  // As the servers do: names are compared without case; one that is set again moves; going back to one, and
  // releasing it, ends those after it. False: there is none of that name.
  void set_savepoint(std::string name);
  [[nodiscard]] bool roll_back_to(std::string_view name);
  [[nodiscard]] bool release_savepoint(std::string_view name);

 private:
  [[nodiscard]] std::vector<savepoint>::iterator find(std::string_view name);

  enum class reads : std::uint8_t { none, open, over };

  bool open_ = false;
  bool ended_one_ = false;
  reads reads_ = reads::none;
  transaction_mode mode_;
  std::vector<spool::statement> statements_;
  std::uint64_t bytes_ = 0;
  std::vector<savepoint> savepoints_;
};

} // namespace holdwater::proxy
