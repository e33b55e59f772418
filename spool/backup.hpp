// A copy of the spool's file while it is in use, by SQLite's online backup.
//
// Invariant: what is at the path when it has ended well is the file as of one commit. It holds the fact
// "backup": who opens it takes no write before the server's ledger was read (README.md, "Backups").
#pragma once

#include "spool/error.hpp"
#include "spool/sqlite.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace holdwater::spool {

inline constexpr char backup_fact[] = "backup";

// For the thread that owns the connection. Pages that change between two steps are copied again.
class file_copy {
 public:
  // Makes the file (0600), which must not be there.
  [[nodiscard]] static result<std::shared_ptr<file_copy>> begin(sqlite::database& from,
                                                                const std::string& path);
  // A megabyte of it. False: that was all, and it is whole.
  [[nodiscard]] result<bool> step();
  void end(); // before the connection is closed

 private:
  sqlite::database to_;
  sqlite3_backup* running_ = nullptr;
};

class writer_queue;
// Step by step, behind what else comes for the writer's thread. `done` is called once, on that thread, or on
// the caller's after the end.
void copy_file(writer_queue& queue, const std::string& path, const std::function<void(result<void>)>& done);

// Marks the copy, which is then one file without a journal beside it; its size. On any thread.
[[nodiscard]] result<std::uint64_t> finish_copy(const std::string& path);

} // namespace holdwater::spool
