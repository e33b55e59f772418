// What each client was told of each of its writes, and the checker: it compares that with what the simulated
// server commits, at every commit and at every answer. It knows nothing of the proxy.
//
// The promises of the contract that it checks are named at each check in history.cpp.
#pragma once

#include "tests/sim/server.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace holdwater::sim {

// One autocommit write, or a transaction.
struct unit {
  enum class outcome : std::uint8_t { open, acknowledged, refused, unknown };

  std::string name; // the tag of its first write
  bool transaction = false;
  std::vector<std::string> tags; // of the writes in it, in order, as its client knows
  moment began = 0;              // its first write was sent
  moment sent = 0;               // the write, or COMMIT
  bool commit_sent = false;      // or the write itself
  outcome is = outcome::open;
  moment told = 0;
  std::uint64_t queued_as = 0;     // the seq that the OK told
  std::uint64_t queued_before = 0; // the highest seq that anybody knew when it was sent
  bool may_die = false;            // the server refuses it, or its table does not roll back
  bool dead = false;               // it is listed as a dead letter
  bool discarded = false;
  bool retried = false;
};

struct expected_write {
  unit* of = nullptr;
  bool in_unit = true; // neither refused nor rolled back to a savepoint
  std::string digest, schema, table, account;
  write_context context;
  moment sent = 0; // calendar
  moment told = never;
  std::optional<std::uint64_t> insert_id; // that the client was told
  std::optional<std::uint64_t> given_id;  // that its row has
  unsigned applied = 0;                   // how often, at the server as it is
  bool ever_applied = false;
  bool by_replay = false;
};

class history final : public server_observer {
 public:
  // --- the clients'
  unit& begin(bool transaction);
  expected_write& add(unit& of, std::string tag, expected_write what);
  void leave_out(const std::string& tag); // refused, or rolled back to a savepoint
  void sends(unit& one);
  void acknowledged(unit& one, std::optional<std::uint64_t> seq);
  void refused(unit& one, const std::string& why);
  void unknown(unit& one);
  void told_id(const std::string& tag, std::uint64_t id);
  void read(const std::string& tag, std::uint64_t hash);

  // --- the server's
  void committed(const commit_record& what) override;
  void refused(const std::string& tag, unsigned error) override;
  void answered(const std::string& tag, std::uint64_t hash) override { answers_[tag].insert(hash); }
  // It has come back with older data.
  void forgotten(const std::vector<commit_record>& lost);

  // --- the operator's
  void is_dead(const std::string& tag);
  void is_retried(const std::string& tag);
  void is_discarded(const std::string& tag);

  void happened(const std::string& kind) override { ++kinds_[kind]; }
  [[nodiscard]] const std::map<std::string, std::uint64_t>& kinds() const { return kinds_; }
  [[nodiscard]] std::size_t pending() const { return pending_.size(); }
  [[nodiscard]] std::uint64_t units() const { return units_.size(); }

  // When nothing is under way any more.
  void check_all() const;

 private:
  void check_write(const write_record& got, expected_write& wanted);
  void count_answer(const unit& one);
  void check_overtaken(const unit& by, bool by_replay);
  [[noreturn]] void fail(int promise, const std::string& what) const;

  std::deque<unit> units_;
  std::map<std::string, expected_write> writes_;
  std::map<std::string, std::set<std::uint64_t>> answers_;
  std::set<std::pair<moment, unit*>>
      pending_; // acknowledged as queued, and not applied yet; by when it was told
  std::set<std::uint64_t> seqs_;
  std::map<std::string, std::uint64_t> kinds_;
  bool lost_some_ = false;
};

} // namespace holdwater::sim
