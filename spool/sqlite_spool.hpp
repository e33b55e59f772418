// The embedded spool: SQLite on the local disk, one writer thread, an index in memory.
//
// Invariant: the index changes after the commit and before the caller is told.
#pragma once

#include "spool/pending_index.hpp"
#include "spool/settling_clock.hpp"
#include "spool/spool.hpp"
#include "spool/spool_writer.hpp"

#include <future>
#include <memory>
#include <mutex>

namespace holdwater::spool {

class sqlite_spool final : public spool {
 public:
  sqlite_spool(store file, const sqlite_spool_options& options);
  ~sqlite_spool() override { close(); }
  [[nodiscard]] result<void> load();

  void append(unit what, appended done) override;
  void import(std::string source, std::vector<imported_unit> units,
              std::function<void(result<import_outcome>)> done) override;
  result<std::vector<unit>> read_pending(seq after, std::size_t max_units, std::size_t max_bytes) override;
  std::future<result<std::vector<unit>>> start_reading_pending(seq after, std::size_t max_units,
                                                               std::size_t max_bytes) override;
  result<std::vector<unit>> read_applied(seq after, std::size_t max_units, std::size_t max_bytes) override;
  result<void> mark_applied(seq from, seq to) override;
  result<void> mark_refused(seq number) override;
  result<void> mark_dead(seq number, const server_error& why) override;
  result<void> mark_attempted(seq number) override;
  result<void> forget_attempt(seq number) override;
  result<bool> is_attempted(seq number) override;
  result<dead_letters> read_dead(seq after, std::size_t max_units, std::size_t max_bytes) override;
  result<seq> retry_dead(seq number) override;
  result<void> discard_dead(seq number) override;
  result<void> compact() override;
  spool_counts counts() const override;
  bool pending_on(const std::vector<table_name>& tables) const override;
  std::optional<failure> trouble() const override;
  void set_limits(const spool_limits& fresh) override;
  result<void> set_keys(key_ring_ptr fresh) override;
  result<void> check_keys(const key_ring_ptr& fresh) override;
  result<void> ledger_agrees() override;
  void copy_to(std::string path, std::function<void(result<void>)> done) override {
    copy_file(writer_.queue(), path, done);
  }
  const std::string& id() const override { return id_; }
  result<std::optional<std::string>> fact(std::string_view key) override;
  result<void> set_fact(std::string_view key, std::string_view value) override;
  void close() override { writer_.stop(); }

 private:
  [[nodiscard]] static failure closed() { return {errc::closed, "the spool was shut down"}; }
  [[nodiscard]] static failure unconfirmed();
  [[nodiscard]] std::optional<failure> no_room_for(std::uint64_t bytes) const;
  [[nodiscard]] spool_limits limits() const;
  [[nodiscard]] bool is_restored() const;
  [[nodiscard]] bool push_bounded(write_job job);
  [[nodiscard]] write_job append_job(const unit& what, packed_unit packed, appended done);
  [[nodiscard]] result<bool> compact_once();
  void seal_on();
  template <class Change>
  void publish(Change change);
  void publish_pending(const store::stored_row& row);
  [[nodiscard]] result<void> change_one(seq number, const std::function<result<void>(store&)>& transition,
                                        bool dead_afterwards);
  // Both block until the writer thread has done it.
  [[nodiscard]] result<void> write(std::function<result<void>(store&)> work,
                                   std::function<void(store&)> after = {});
  template <class T>
  [[nodiscard]] result<T> read(std::function<result<T>(store&)> work) {
    return start_reading<T>(std::move(work)).get();
  }
  template <class T>
  [[nodiscard]] std::future<result<T>> start_reading(std::function<result<T>(store&)> work);

  sqlite_spool_options options_;
  std::string id_;
  mutable std::mutex mutex_; // guards the five below
  spool_limits limits_;
  pending_index index_;
  seq last_ = 0;
  seq dropped_ = 0;
  bool restored_ = false; // from a backup, and the ledger was not read yet
  settling_clock clock_;
  spool_writer writer_; // the last one: its thread ends before what it uses
};

template <class Change>
void sqlite_spool::publish(Change change) {
  const std::lock_guard lock(mutex_);
  change(index_);
}

template <class T>
std::future<result<T>> sqlite_spool::start_reading(std::function<result<T>(store&)> work) {
  auto promise = std::make_shared<std::promise<result<T>>>();
  auto answer = promise->get_future();
  const bool queued = writer_.queue().push(
      read_job([promise, work = std::move(work)](store& file) { promise->set_value(work(file)); }));
  if (!queued) promise->set_value(closed());
  return answer;
}

} // namespace holdwater::spool
