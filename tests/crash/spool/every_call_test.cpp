// A disk that fails at the nth call, for every n, in everything that a spool does to its file. With
// HOLDWATER_TEST_LONG=1 all of it, otherwise a sample that is the same each time, but for a process that is
// killed.
#include "life.hpp"

#include "tests/unit/spool/fixtures.hpp"

#include <algorithm>
#include <cstdlib>

namespace holdwater::spool {
namespace {

using namespace test;
using holdwater::test::disk_fault;
namespace ask = holdwater::test::ask;

struct fault_kind {
  const char* name;
  disk_fault what;
  unsigned calls;
  bool may_last; // also: from the nth call on
  bool of_slow_lives = false;
};
constexpr unsigned makes_longer = ask::create | ask::write | ask::allocate;
constexpr fault_kind kinds[] = {
    {"power cut", disk_fault::power_cut, ask::changes, false, true},
    {"killed", disk_fault::killed, ask::changes, false},
    {"EIO on write", disk_fault::io_error, ask::write, true, true},
    {"EIO on sync", disk_fault::io_error, ask::sync, true, true},
    {"EIO on truncate", disk_fault::io_error, ask::cut, true},
    {"EIO on open", disk_fault::io_error, ask::open | ask::create, true},
    {"EIO on delete", disk_fault::io_error, ask::remove, true},
    {"EIO on syncing the folder", disk_fault::io_error, ask::sync_names, true},
    {"EIO on read", disk_fault::io_error, ask::read, true},
    {"EIO on size", disk_fault::io_error, ask::size, true},
    {"EIO on access", disk_fault::io_error, ask::look, true},
    {"ENOSPC", disk_fault::no_room, makes_longer, true, true},
    {"ENOSPC on sync", disk_fault::no_room, ask::sync, true},
    {"short read", disk_fault::short_read, ask::read, false},
};

bool all_of_it() {
  const char* const asked = std::getenv("HOLDWATER_TEST_LONG");
  return asked != nullptr && std::string(asked) == "1";
}

// The first ones and the last ones, and some between.
std::vector<std::uint64_t> points(std::uint64_t calls, std::uint64_t most) {
  std::vector<std::uint64_t> chosen;
  for (std::uint64_t n = 1; n <= calls; ++n)
    if (calls <= most || n * most / calls != (n - 1) * most / calls) chosen.push_back(n);
  return chosen;
}

// Returns how many lives it took.
std::size_t fail_at_every_call(stage& at, const fault_kind& kind, std::uint64_t most, unsigned seeds,
                               bool folder_is_synced) {
  std::size_t lives = 0;
  const auto calls = at.calls(kind.calls);
  for (const bool lasts : {false, true}) {
    if (lasts && !kind.may_last) continue;
    if (lasts && kind.calls == ask::sync_names && !folder_is_synced) continue;
    for (const auto n : points(calls, most))
      for (unsigned i = 0; i < seeds; ++i) {
        const auto seed = static_cast<unsigned>(n * 31 + i * 7001 + (lasts ? 1 : 0));
        CAPTURE(std::string(kind.name));
        CAPTURE(lasts);
        CAPTURE(n);
        CAPTURE(seed);
        at.play({kind.what, kind.calls, n, lasts ? -1 : 1}, seed);
        ++lives;
      }
  }
  return lives;
}

// SQLite takes no notice when the folder's sync fails. What sees it is the product's own sync of the folder,
// which is made of a folder of the system alone.
void fail_everywhere(const home_maker& where, std::uint64_t most, bool folder_is_synced) {
  std::size_t all = 0;
  for (const auto& each : all_lives()) {
    CAPTURE(std::string(each.name));
    const auto begun = std::chrono::steady_clock::now();
    std::size_t lives = 0;
    stage at(each, where);
    const std::uint64_t points = all_of_it() ? (each.slow ? 20 : UINT64_MAX) : (each.slow ? 1 : most);
    for (const auto& kind : kinds) {
      if (each.slow && !kind.of_slow_lives && !all_of_it()) continue;
      const bool each_point =
          kind.what == disk_fault::killed && !each.slow && !folder_is_synced; // cheap there
      lives += fail_at_every_call(at, kind, each_point ? UINT64_MAX : points,
                                  all_of_it() && !each.slow ? 5 : 1, folder_is_synced);
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    MESSAGE(std::string(each.name), ": ", lives, " lives with a fault in ", took.count(), " s");
    all += lives;
  }
  MESSAGE("all: ", all);
}

TEST_CASE("whichever call the disk fails at, and however, every acknowledged unit is there once") {
  fail_everywhere(in_memory, 20, false);
}

TEST_CASE("the same with the system's calls, the folder and the reserve") {
  fail_everywhere(in_folder, 6, true);
}

TEST_CASE(
    "a spool whose folder cannot be synced does not start, so nothing is acknowledged that could vanish") {
  for (std::uint64_t n = 1; n <= 2; ++n) { // for the file, and for its WAL
    CAPTURE(n);
    const auto at = in_folder(1);
    at->disk.plan({disk_fault::io_error, ask::sync_names, n, -1});
    auto opened = open_sqlite_spool(at->options());
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == errc::io);
  }
}

} // namespace
} // namespace holdwater::spool
