// A disk in memory that fails when it is told to, and forgets in a power cut what was not synced.
//
// Invariant: what a power cut leaves of a file is what was synced, plus an arbitrary choice of what was not:
// whole writes, sectors of them, or rubbish where a lost write would have made the file longer. The same
// holds for names: a file that was made, removed or renamed may have its old name until its folder was
// synced. After a failed sync the writes that it should have made durable count as clean: a later sync does
// not bring them to the disk (this is what operating systems do).
//
// Sources: SQLite "Atomic Commit In SQLite", sqlite.org/atomiccommit.html; Rebello et al., "Can Applications
// Recover from fsync Failures?", USENIX ATC 2020.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::test {

// What is asked of a disk; sets of them are masks.
namespace ask {
constexpr unsigned open = 1, create = 2, remove = 4, rename = 8, look = 16, size = 32, read = 64, write = 128,
                   cut = 256, allocate = 512, sync = 1024, sync_names = 2048;
constexpr unsigned changes = create | remove | rename | write | cut | allocate | sync | sync_names;
} // namespace ask

enum class disk_fault {
  none,
  io_error,
  no_room,
  short_read, // the second half is missing, and nobody says so
  killed,     // the process dies: the rest of its calls never happens
  power_cut,  // the same, and what was not synced is at risk: see lose_power()
};

struct fault_plan {
  disk_fault what = disk_fault::none;
  unsigned calls = ask::changes; // of these kinds, counted together from 1,
  std::uint64_t at = 1;          // the nth
  int times = 1;                 // and so many of those that follow; negative: until heal()
};

struct disk_file {
  struct change {
    enum class kind { write, cut } what;
    std::size_t offset; // of a cut: the new size
    std::string bytes;
  };
  std::string now;              // what reads see
  std::string durable;          // what was synced
  std::vector<change> unsynced; // since then, in order
};
using file_ptr = std::shared_ptr<disk_file>;

// What came of a call: how much of it, and an errno (0: all is well).
struct call_done {
  std::size_t bytes = 0;
  int error = 0;
};

// Thread-safe; a disk_file is only touched through it.
class faulty_disk {
 public:
  explicit faulty_disk(unsigned seed) : random_(seed) {}

  void plan(const fault_plan& next); // counts anew
  void heal();                       // no fault any more, and the process lives
  void die();                        // as if killed now
  void lose_power();                 // no file may be open
  void set_capacity(std::uint64_t bytes);
  [[nodiscard]] std::uint64_t counted() const;
  [[nodiscard]] std::uint64_t free_bytes() const;
  [[nodiscard]] std::uint64_t used_bytes() const;
  [[nodiscard]] bool struck() const; // the fault came
  [[nodiscard]] std::size_t choose(std::size_t below);

  // The disk as it is, for many lives that begin alike.
  struct image {
    std::map<std::string, disk_file> files;
  };
  [[nodiscard]] image take_image() const; // counts all as synced
  void restore(const image& from);
  [[nodiscard]] std::map<std::string, std::string> contents() const; // by path

  // The calls.
  [[nodiscard]] call_done open(const std::string& path, bool make, bool only_new, bool name_is_durable,
                               file_ptr& opened);
  [[nodiscard]] call_done remove(const std::string& path);
  [[nodiscard]] call_done rename(const std::string& from, const std::string& to);
  [[nodiscard]] call_done look(const std::string& path, bool& there);
  [[nodiscard]] call_done size(const disk_file& file, std::size_t& bytes);
  [[nodiscard]] call_done read(const disk_file& file, std::size_t offset, char* to, std::size_t bytes);
  [[nodiscard]] call_done write(disk_file& file, std::size_t offset, std::string_view bytes);
  [[nodiscard]] call_done cut(disk_file& file, std::size_t to);
  [[nodiscard]] call_done allocate(disk_file& file, std::size_t to);
  [[nodiscard]] call_done sync(disk_file& file);
  [[nodiscard]] call_done sync_names();

 private:
  enum class loss { nothing, everything, the_end, single_writes, sectors }; // of what was not synced
  struct name_change {
    std::map<std::string, file_ptr> names; // null: removed
  };

  [[nodiscard]] disk_fault step(unsigned call, int& error);
  [[nodiscard]] bool fits(const disk_file& file, std::size_t to) const;
  [[nodiscard]] std::uint64_t used() const;
  [[nodiscard]] loss any_loss();
  void change_names(const name_change& what);
  void settle(disk_file& file, loss how, bool rubbish);
  void settle_write(disk_file& file, const disk_file::change& what, loss how, bool last, bool rubbish);
  void settle_names(loss how);
  [[nodiscard]] bool coin() { return random_() % 2 == 0; }

  mutable std::mutex mutex_; // guards all below, and the files
  std::map<std::string, file_ptr> files_;
  std::map<std::string, file_ptr> durable_files_;
  std::vector<name_change> unsynced_names_;
  std::mt19937 random_;
  fault_plan plan_;
  std::uint64_t counted_ = 0;
  std::uint64_t capacity_ = UINT64_MAX;
  int failures_left_ = 0;
  bool struck_ = false;
  bool dead_ = false;
};

} // namespace holdwater::test
