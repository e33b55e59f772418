// The spool's tables: what each transition of a unit does to them. For the writer thread alone.
//
// Invariant: numbers are given out inside the transaction that stores their units, so a commit that fails
// gives them back, and units in the file have no gaps but those that drop_settled() made at the front.
#pragma once

#include "spool/backup.hpp"
#include "spool/data_key.hpp"
#include "spool/pending_index.hpp"
#include "spool/spool.hpp"
#include "spool/sqlite.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace holdwater::spool {

// Stored in the file: the values are part of the format.
enum class unit_state : int {
  pending = 0,
  applied = 1,   // kept for a server that falls behind
  dead = 2,      // kept for a person
  refused = 3,   // its client was told; only the row is left
  discarded = 4, // given up or retried by a person; only the row is left
};

// A unit on its way in, encoded by the thread that brought it.
struct packed_unit {
  std::string body; // not sealed yet: that needs the number
  std::string tables;
  std::chrono::microseconds accepted_at{0};
  std::uint64_t bytes = 0; // as it counts against the limits
};

class store {
 public:
  [[nodiscard]] static result<store> open(const sqlite_spool_options& options);

  [[nodiscard]] result<void> begin();
  [[nodiscard]] result<void> commit();
  [[nodiscard]] result<void> rollback();
  // Moves the WAL's contents into the file. What is written next goes to the WAL's beginning: over what is
  // there, which spares the file system the bookkeeping of a file that grows, or into an empty file, which
  // takes no room meanwhile.
  enum class wal_after : std::uint8_t { kept, cut };
  [[nodiscard]] result<void> fold_wal(wal_after how);
  // Bytes by which the file would grow.
  [[nodiscard]] result<std::uint64_t> growth_by_folding();
  // Makes sure that nothing of a failed commit can come back: see README.md, "When a commit fails".
  [[nodiscard]] result<void> undo_failed_commit();

  [[nodiscard]] result<seq> insert(const packed_unit& what);
  // The pending ones in [from, to]; and says which. So does front() for those that are left.
  [[nodiscard]] result<departure> mark_applied(seq from, seq to, std::chrono::microseconds settled_at);
  [[nodiscard]] result<std::optional<queue_front>> front();
  [[nodiscard]] result<void> mark_refused(seq number, std::chrono::microseconds settled_at);
  [[nodiscard]] result<void> mark_dead(seq number, const server_error& why, std::chrono::microseconds now);
  [[nodiscard]] result<void> mark_attempted(seq number);
  [[nodiscard]] result<void> forget_attempt(seq number);
  [[nodiscard]] result<bool> is_attempted(seq number);
  [[nodiscard]] result<seq> retry_dead(seq number, std::chrono::microseconds now,
                                       std::chrono::microseconds settled_at);
  [[nodiscard]] result<void> discard_dead(seq number, std::chrono::microseconds settled_at);
  // Zero when nothing was settled, or none of it is left.
  [[nodiscard]] result<std::chrono::microseconds> newest_settled();
  // One step of compaction: true when there may be more to drop.
  [[nodiscard]] result<bool> drop_settled(std::chrono::microseconds older_than, std::uint64_t keep_bytes);

  [[nodiscard]] result<std::vector<unit>> read(unit_state state, seq after, std::size_t max_units,
                                               std::size_t max_bytes);
  [[nodiscard]] result<dead_letters> read_dead(seq after, std::size_t max_units, std::size_t max_bytes);
  [[nodiscard]] result<std::string> fact(std::string_view key, bool& found);
  [[nodiscard]] result<void> set_fact(std::string_view key, std::string_view value);

  struct stored_row {
    seq number = 0;
    unit_state state = unit_state::pending;
    std::uint64_t bytes = 0;
    std::chrono::microseconds accepted_at{0};
    std::vector<table_name> tables;
    key_id key{}; // that its body, and its reason when it is dead, are sealed with
  };
  [[nodiscard]] result<void> each_open(const std::function<void(const stored_row&)>& visit);
  [[nodiscard]] result<stored_row> row(seq number);

  // Keys: store_sealing.cpp. Inside a transaction; what it does from here on is done with them, and if it is
  // rolled back, they are the ones before again. Refused (wrong_key) when a value needs one that is missing.
  [[nodiscard]] result<void> take_keys(key_ring_ptr fresh);
  [[nodiscard]] result<void> check_keys(const key_ring_ptr& fresh); // whether take_keys() refuses them
  // Seals some of what the present key has not sealed. True: there is more. When all is sealed, it costs
  // nothing.
  [[nodiscard]] result<bool> seal_some();
  // Whether it is time to wipe what lay in clear from the file's unused space, and from the WAL. Outside of
  // one.
  [[nodiscard]] bool is_to_be_wiped() const { return wipe_due_; }
  [[nodiscard]] result<void> wipe(std::uint64_t free_bytes);

  [[nodiscard]] result<std::shared_ptr<file_copy>> begin_copy(const std::string& path) {
    return file_copy::begin(db_, path);
  }
  [[nodiscard]] result<void> forget_fact(std::string_view key);

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] seq last() const { return last_; }       // of the last commit and the open transaction
  [[nodiscard]] seq dropped() const { return dropped_; } // applied units up to here are gone
  [[nodiscard]] int wal_pages() const { return *wal_pages_; }

 private:
  struct statements;

  store(sqlite::database db, key_ring_ptr given);
  [[nodiscard]] result<void> load();
  [[nodiscard]] result<void> prepare();
  [[nodiscard]] result<seq> counter(const char* name);
  [[nodiscard]] result<void> set_counter(const char* name, seq value);
  [[nodiscard]] result<void> settle(seq number, unit_state from, unit_state to,
                                    std::chrono::microseconds now);
  [[nodiscard]] result<void> forget_body(seq number);
  [[nodiscard]] result<void> count_applied_bytes();
  [[nodiscard]] result<std::uint64_t> size_when_folded();
  [[nodiscard]] result<void> give_back_pages();
  [[nodiscard]] result<unit> unit_of(const sqlite::statement& row) const;
  [[nodiscard]] result<std::string> body_of(seq number);
  [[nodiscard]] result<void> insert_body(seq number, std::string_view body);
  [[nodiscard]] result<bool> is_sealed_otherwise();
  [[nodiscard]] result<void> expect_wipe();
  struct sealed_row;
  [[nodiscard]] result<std::vector<sealed_row>> rows_to_seal(bool& more);
  [[nodiscard]] result<void> seal_anew(sealed_row& row);
  [[nodiscard]] result<void> drop_up_to(seq number);

  sqlite::database db_; // outlives its statements
  std::shared_ptr<statements> sql_;
  std::unique_ptr<int> wal_pages_;
  std::string id_; // of the spool: names its row in the ledger
  key_ring_ptr keys_;
  key_ring_ptr committed_keys_;
  seq sealed_up_to_ = 0;    // of the present round of seal_some()
  bool all_sealed_ = false; // a round has ended, and the key is the same since
  bool wiped_ = false;      // no statement lies in clear, or under an earlier key, anywhere
  bool wipe_due_ = false;
  seq last_ = 0;
  seq committed_last_ = 0;
  seq dropped_ = 0;
  seq committed_dropped_ = 0;
  std::uint64_t applied_bytes_ = 0; // of the applied units that are kept
  std::uint64_t committed_applied_bytes_ = 0;
};

} // namespace holdwater::spool
