// The simulated server: MariaDB's protocol, transactions, rows' locks, the ledger's table, and its ways to
// fail. Each connection has a thread of its own, as on MariaDB.
#pragma once

#include "protocol/handshake.hpp"
#include "tests/sim/database.hpp"
#include "tests/sim/network.hpp"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace holdwater::sim {

struct account_entry {
  std::string user, password;
};

// What the world hears of the server, at once.
class server_observer {
 public:
  virtual ~server_observer() = default;
  virtual void committed(const commit_record& what) = 0;
  virtual void refused(const std::string& tag, unsigned error) = 0;      // a write, by an error that lasts
  virtual void answered(const std::string& tag, std::uint64_t hash) = 0; // the bytes of an answer
  virtual void happened(const std::string& kind) = 0;                    // for the list of what did
};

// How often something goes wrong while a statement is carried out: one in so many; 0: never.
struct server_troubles {
  unsigned late_one_in = 0;               // the answer is late
  unsigned very_late_one_in = 0;          // by seconds
  unsigned lost_before_one_in = 0;        // the connection is, before anything is done
  unsigned lost_after_one_in = 0;         // the connection is, in place of the answer
  unsigned lost_at_commit_one_in = 0;     // the connection is, in place of COMMIT's answer
  unsigned cut_answer_one_in = 0;         // the connection is, in the middle of the answer
  unsigned dies_before_commit_one_in = 0; // the server dies, at a COMMIT ...
  unsigned dies_after_commit_one_in = 0;
  unsigned deadlock_one_in = 0; // of the writes: 1213
};

class server_session;

class server {
 public:
  server(std::vector<account_entry> accounts, server_observer& observer, std::uint64_t seed);

  void start();
  void kill(); // kill -9
  [[nodiscard]] bool running() const { return process_ != 0; }
  void freeze(bool on);
  [[nodiscard]] bool frozen() const { return frozen_; }
  void kill_connections(unsigned of, unsigned in);
  void quiet(); // no more troubles of any kind

  server_troubles troubles;
  bool read_only = false;
  unsigned most_connections = 1000;
  bool greets_as_mysql = false;
  database data;

 private:
  friend class server_session;

  void accept();
  void serve(int descriptor, std::uint64_t id);
  void die(); // of itself; never returns
  [[nodiscard]] bool happens(unsigned one_in) { return one_in > 0 && luck_.chance(1, one_in); }

  std::vector<account_entry> accounts_;
  server_observer& observer_;
  dice luck_;
  process_id process_ = 0;
  moment started_ = 0;
  bool frozen_ = false;
  wait_queue thaw_;
  static constexpr std::uint64_t first_id = 10;
  std::uint64_t next_id_ = first_id;
  std::map<std::uint64_t, server_session*> sessions_; // those that are logged in
  std::map<std::string, std::uint64_t> locks_;        // row, who has it
  wait_queue lock_released_;
};

} // namespace holdwater::sim
