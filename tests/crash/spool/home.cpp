#include "home.hpp"

#include "faulty_vfs.hpp"
#include "tests/crash/disk/watched_folder.hpp"

namespace holdwater::spool::test {
namespace {

// Little room on the disk: the WAL is folded each 64 pages.
constexpr std::uint64_t little_room = 1 << 20;

class memory_home final : public home {
 public:
  explicit memory_home(unsigned seed) : home(seed), vfs_(disk) {}
  sqlite_spool_options options() const override {
    auto chosen = home::options();
    chosen.path = "/spool.db";
    chosen.vfs = faulty_vfs::name();
    chosen.reserve_bytes = 0;
    return chosen;
  }

 private:
  faulty_vfs vfs_;
};

class folder_home final : public home {
 public:
  explicit folder_home(unsigned seed) : home(seed), folder_(disk) {}
  sqlite_spool_options options() const override {
    auto chosen = home::options();
    chosen.path = folder_.file("spool.db");
    return chosen;
  }
  void lay_out() override { folder_.lay_out(); }

 private:
  holdwater::test::watched_folder folder_;
};

} // namespace

sqlite_spool_options home::options() const {
  sqlite_spool_options chosen;
  chosen.retention = std::chrono::seconds(0);
  chosen.retention_bytes = 20000;
  chosen.free_bytes = [] { return little_room; };
  return chosen;
}

std::unique_ptr<home> in_memory(unsigned seed) {
  return std::make_unique<memory_home>(seed);
}
std::unique_ptr<home> in_folder(unsigned seed) {
  return std::make_unique<folder_home>(seed);
}

} // namespace holdwater::spool::test
