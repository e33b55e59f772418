// The one thread that owns the spool's file: it commits all that waits in one transaction, then answers.
//
// Invariant: a job is answered with success only after a COMMIT that was synced; with any failure but
// errc::in_doubt only when nothing of it can ever come back. While trouble() has something to say, appends
// fail.
#pragma once

#include "spool/reserve_file.hpp"
#include "spool/writer_queue.hpp"

#include <string>
#include <thread>

namespace holdwater::spool {

class spool_writer {
 public:
  spool_writer(store file, const sqlite_spool_options& options);
  ~spool_writer();

  void start(); // the thread; called once, before any push
  void stop();  // after the queue was closed: returns when all that waited is answered

  [[nodiscard]] writer_queue& queue() { return queue_; }
  [[nodiscard]] const writer_queue& queue() const { return queue_; }
  [[nodiscard]] store& file() { return file_; } // only before start()
  [[nodiscard]] std::optional<failure> trouble() const;

 private:
  void run();
  void serve(writer_work& work);
  void refuse_appends(std::vector<write_job>& jobs, const failure& why);
  void commit_group(std::vector<write_job>& jobs);
  [[nodiscard]] result<void> run_group(std::vector<write_job>& jobs, std::vector<std::optional<failure>>& own,
                                       bool& commit_tried);
  void answer(std::vector<write_job>& jobs, const std::vector<std::optional<failure>>& own);
  void fail_group(std::vector<write_job>& jobs, failure why, bool commit_tried);
  [[nodiscard]] bool is_time_to_fold();
  void checkpoint();
  [[nodiscard]] bool fold(store::wal_after how);
  void wipe();
  [[nodiscard]] bool went_well(const result<void>& done, const char* doing);
  void ask_for_room(const std::vector<write_job>& jobs);
  void undo();
  void recover();
  [[nodiscard]] bool can_fold_on_full_disk();
  void set_trouble(std::optional<failure> why);

  writer_queue queue_;
  store file_;
  reserve_file reserve_;
  std::string path_;
  std::function<std::uint64_t()> free_bytes_;
  int next_look_ = 0;             // at the disk's room: the WAL's length then
  std::uint64_t wanted_room_ = 0; // in bytes, after the disk was full
  bool sound_ = true;             // false: a failed commit is not undone yet, nothing may be written

  mutable std::mutex mutex_; // guards trouble_
  std::optional<failure> trouble_;
  std::thread thread_;
};

} // namespace holdwater::spool
