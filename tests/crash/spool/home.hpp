// Where a spool's file lies while its disk fails: behind a VFS of SQLite in memory, or in a real folder with
// SQLite's own VFS, the reserve beside it, and the real calls.
#pragma once

#include "tests/crash/disk/faulty_disk.hpp"

#include "spool/spool.hpp"

#include <functional>
#include <memory>

namespace holdwater::spool::test {

class home {
 public:
  explicit home(unsigned seed) : disk(seed) {}
  virtual ~home() = default;
  [[nodiscard]] virtual sqlite_spool_options options() const;
  virtual void lay_out() {} // what programs see becomes what the disk holds

  holdwater::test::faulty_disk disk;
};
using home_maker = std::function<std::unique_ptr<home>(unsigned seed)>;

[[nodiscard]] std::unique_ptr<home> in_memory(unsigned seed);
[[nodiscard]] std::unique_ptr<home> in_folder(unsigned seed);

} // namespace holdwater::spool::test
