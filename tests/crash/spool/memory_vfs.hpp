// A disk in memory for SQLite that can fail any write or sync, and can lose power.
//
// Invariant: what a power cut leaves is what was synced, plus an arbitrary choice of what was not. After a
// failed sync the writes that it should have made durable count as clean: a later sync does not bring them to
// the disk (this is what operating systems do).
//
// Source: SQLite "The OS Backend (VFS)", sqlite.org/vfs.html.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

namespace holdwater::spool::test {

enum class disk_fault { none, io_error, no_room };

struct disk_file {
  struct change {
    std::size_t offset;
    std::string bytes;
  };
  std::string now;              // what reads see
  std::string durable;          // what was synced
  std::vector<change> unsynced; // since the last sync; an empty text means cut to the offset
  std::vector<std::shared_ptr<std::vector<char>>> shared; // memory, of those who have it open
};

class memory_disk {
 public:
  explicit memory_disk(unsigned seed) : random_(seed) {}

  // From the nth write or sync (from 1) on, so many of them fail; for ever when `times` is negative.
  void fail_from(std::uint64_t step, disk_fault with, int times);
  void heal();
  void lose_power(); // no file may be open
  // The disk as a process that dies now leaves it; restored when its files are closed.
  using image = std::map<std::string, disk_file>;
  [[nodiscard]] image take_image() const;
  void restore(const image& from);
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  [[nodiscard]] const char* name() const { return "holdwater-memory"; }

  void install(bool shares_memory = false); // as SQLite's VFS of that name
  void uninstall();
  std::function<void()> before_sync; // may be empty
  void end_process();                // nobody has a file open any more

  // For the VFS: true when this step is to fail.
  [[nodiscard]] disk_fault step();
  std::shared_ptr<disk_file> find(const std::string& path, bool make);
  void remove(const std::string& path) { files_.erase(path); }
  static void write(disk_file& file, std::size_t offset, const std::string& bytes);
  static void cut(disk_file& file, std::size_t size);
  void sync(disk_file& file, bool fails);

 private:
  static void apply(std::string& to, const disk_file::change& what);

  std::map<std::string, std::shared_ptr<disk_file>> files_;
  std::mt19937 random_;
  std::uint64_t steps_ = 0;
  std::uint64_t fail_at_ = 0;
  int failures_left_ = 0;
  disk_fault fault_ = disk_fault::none;
};

} // namespace holdwater::spool::test
