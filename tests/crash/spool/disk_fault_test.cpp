// The disk fails at every write and sync of a spool's life, once, twice or for good, and then loses power.
// What was acknowledged is there once, what was refused is not there, and the numbers have no gaps.
#include "memory_vfs.hpp"

#include "tests/unit/spool/fixtures.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace holdwater::spool {
namespace {

using namespace test;

constexpr std::size_t many = 100000;
constexpr std::size_t all_bytes = 1 << 30;

struct outcome {
  std::map<seq, std::string> acknowledged;
  std::set<std::string> refused; // "nothing happened"
  seq applied = 0;               // the last one whose settling was confirmed
};

class installed_disk {
 public:
  explicit installed_disk(unsigned seed) : disk(seed) { disk.install(); }
  ~installed_disk() { disk.uninstall(); }
  installed_disk(const installed_disk&) = delete;
  installed_disk& operator=(const installed_disk&) = delete;
  memory_disk disk;
};

sqlite_spool_options memory_options(const memory_disk& disk) {
  sqlite_spool_options options;
  options.path = "/spool.db";
  options.vfs = disk.name();
  options.reserve_bytes = 0;
  options.retention = std::chrono::seconds(0);
  options.retention_bytes = 20000;
  return options;
}

void append_one(spool& queue, const std::string& text, outcome& so_far) {
  auto given = append(queue, make_unit(text));
  if (given) {
    CHECK_FALSE(so_far.acknowledged.contains(*given));
    so_far.acknowledged[*given] = text;
  } else if (given.error().code != errc::in_doubt)
    so_far.refused.insert(text);
}

// Large enough to grow the file and to fold the WAL a few times.
void live(spool& queue, outcome& so_far, const std::string& name) {
  for (int i = 0; i < 4; ++i) append_one(queue, name + "a" + std::to_string(i), so_far);
  const auto last = queue.counts().last;
  if (last >= 2 && queue.mark_applied(1, last - 1)) so_far.applied = last - 1;
  for (int i = 0; i < 3; ++i)
    append_one(queue, name + std::string(100000, static_cast<char>('b' + i)), so_far);
  static_cast<void>(queue.mark_dead(last, {1062, "23000", "why"})); // may fail, as the disk may
  static_cast<void>(queue.set_fact("key", "value"));
  for (int i = 0; i < 4; ++i) append_one(queue, name + "z" + std::to_string(i), so_far);
}

void check_promise(spool& queue, const outcome& expected) {
  std::map<seq, std::string> found;
  const auto note = [&](const unit& u) {
    CHECK_FALSE(found.contains(u.number));
    found[u.number] = u.statements.at(0).text;
  };
  auto pending = queue.read_pending(0, many, all_bytes);
  auto applied = queue.read_applied(0, many, all_bytes);
  auto dead = queue.dead(many);
  REQUIRE(pending);
  REQUIRE(applied);
  REQUIRE(dead);
  for (const auto& u : *pending) {
    note(u);
    CHECK(u.number > expected.applied);
  }
  for (const auto& u : *applied) note(u);
  for (const auto& letter : *dead) note(letter.what);
  for (const auto& [number, text] : expected.acknowledged) {
    CAPTURE(number);
    REQUIRE(found.contains(number));
    CHECK((found[number] == text));
  }
  for (const auto& [number, text] : found) CHECK_FALSE(expected.refused.contains(text));
  CHECK(found.size() == queue.counts().last);
  auto next = append(queue, make_unit("after"));
  REQUIRE(next);
  CHECK(*next == found.size() + 1);
}

std::uint64_t steps_of_a_life(unsigned seed) {
  installed_disk at(seed);
  outcome lived;
  live(*open_or_fail(memory_options(at.disk)), lived, "n");
  REQUIRE(lived.acknowledged.size() == 11);
  return at.disk.steps();
}

void live_with_fault(unsigned seed, std::uint64_t step, disk_fault fault, int times, bool power_cut) {
  installed_disk at(seed);
  outcome lived;
  at.disk.fail_from(step, fault, times);
  if (auto opened = open_sqlite_spool(memory_options(at.disk))) {
    live(**opened, lived, "first");
    if (times < 0) at.disk.heal();
    live(**opened, lived, "second");
    if (times == 1) CHECK(lived.acknowledged.size() > 11); // it recovered by itself
  }
  at.disk.heal();
  if (power_cut) at.disk.lose_power();
  auto reopened = open_or_fail(memory_options(at.disk));
  check_promise(*reopened, lived);
}

TEST_CASE("any write or sync may fail, and power may be lost after it") {
  constexpr unsigned seed = 7001;
  MESSAGE("seed ", seed);
  const auto steps = steps_of_a_life(seed);
  REQUIRE(steps > 50);
  for (const auto fault : {disk_fault::io_error, disk_fault::no_room})
    for (const int times : {1, 2, -1})
      for (const bool power_cut : {false, true})
        for (std::uint64_t step = 1; step <= steps; ++step) {
          CAPTURE(static_cast<int>(fault));
          CAPTURE(times);
          CAPTURE(power_cut);
          CAPTURE(step);
          live_with_fault(seed + static_cast<unsigned>(step), step, fault, times, power_cut);
        }
}

// The process dies the moment after it told of a failure, before anything else is written.
void die_after_refusal(unsigned seed, std::uint64_t step, disk_fault fault, int times, bool power_cut) {
  installed_disk at(seed);
  outcome lived;
  memory_disk::image left;
  {
    auto queue = open_or_fail(memory_options(at.disk));
    append_one(*queue, "before", lived);
    at.disk.fail_from(at.disk.steps() + step, fault, times);
    append_one(*queue, "failed" + std::string(20000, 'x'), lived);
    left = at.disk.take_image();
    at.disk.heal();
  }
  at.disk.restore(left);
  if (power_cut) at.disk.lose_power();
  check_promise(*open_or_fail(memory_options(at.disk)), lived);
}

TEST_CASE("what was refused is not there when the process dies right after it said so") {
  constexpr unsigned seed = 7003;
  MESSAGE("seed ", seed);
  for (const auto fault : {disk_fault::io_error, disk_fault::no_room})
    for (const int times : {1, 2, -1})
      for (const bool power_cut : {false, true})
        for (std::uint64_t step = 1; step <= 30; ++step) {
          CAPTURE(times);
          CAPTURE(power_cut);
          CAPTURE(step);
          die_after_refusal(seed + static_cast<unsigned>(step), step, fault, times, power_cut);
        }
}

TEST_CASE("compaction on a failing disk loses nothing that is not past its retention") {
  constexpr unsigned seed = 7002;
  MESSAGE("seed ", seed);
  for (std::uint64_t step = 1; step <= 40; ++step) {
    CAPTURE(step);
    installed_disk at(seed);
    {
      auto queue = open_or_fail(memory_options(at.disk));
      outcome lived;
      live(*queue, lived, "n");
      REQUIRE(queue->mark_applied(1, 5));
      at.disk.fail_from(at.disk.steps() + step, disk_fault::io_error, 1);
      static_cast<void>(queue->compact());
    }
    at.disk.heal();
    at.disk.lose_power();
    auto queue = open_or_fail(memory_options(at.disk));
    CHECK(queue->counts().last == 11);
    CHECK(queue->counts().pending == 6);
    CHECK(queue->dead(many)->size() == 1);
    REQUIRE(queue->compact());
    CHECK(queue->counts().dropped <= 5);
  }
}

} // namespace
} // namespace holdwater::spool
