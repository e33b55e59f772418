// A disk that becomes full at any byte: with the reserve beside the file, what waits can be settled without a
// free byte, appends are refused meanwhile, and are taken again when there is room.
#include "home.hpp"
#include "witness.hpp"

#include "tests/unit/spool/fixtures.hpp"

namespace holdwater::spool {
namespace {

using namespace test;

void fill_and_drain(std::uint64_t capacity, std::size_t unit_size) {
  const auto at = in_folder(static_cast<unsigned>(capacity));
  auto options = at->options();
  options.free_bytes = {}; // the system says it, of this disk
  options.retention_bytes = 1 << 30;
  witness seen;
  auto queue = open_or_fail(options);
  at->disk.set_capacity(at->disk.used_bytes() + capacity);
  int accepted = 0;
  while (accepted < 3000 && seen.append(*queue, std::to_string(accepted) + std::string(unit_size, 'x')))
    ++accepted;
  REQUIRE(accepted < 3000);
  CHECK(queue->trouble());
  CHECK_FALSE(seen.append(*queue, "refused"));
  const auto last = queue->counts().last;
  for (seq number = 1; number <= last; ++number) CHECK(seen.apply(*queue, number, number));
  CHECK(queue->counts().pending == 0);
  at->disk.set_capacity(at->disk.used_bytes() + (4 << 20));
  CHECK(seen.append(*queue, "room again"));
  at->disk.die();
  queue.reset();
  at->disk.heal();
  at->lay_out();
  auto again = open_or_fail(options);
  seen.check(*again);
}

TEST_CASE("wherever the disk becomes full, the queue is drained and takes writes again when there is room") {
  for (const std::size_t unit_size : {300, 5000, 60000})
    for (std::uint64_t capacity = 0; capacity < 400000; capacity += 37011) {
      CAPTURE(unit_size);
      CAPTURE(capacity);
      fill_and_drain(capacity, unit_size);
    }
}

} // namespace
} // namespace holdwater::spool
