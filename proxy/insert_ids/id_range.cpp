#include "proxy/insert_ids/id_range.hpp"

#include <algorithm>
#include <cassert>

namespace holdwater::proxy {
namespace {

// The lowest id from `next` on that the session's increment and offset allow.
std::optional<std::uint64_t> first_fit(const id_range& range, std::uint64_t increment, std::uint64_t offset) {
  auto id = range.next;
  for (std::uint64_t tried = 0; tried < increment && id <= range.last; ++tried, id += range.step)
    if (id % increment == offset % increment) return id;
  return std::nullopt;
}

std::optional<id_run> run_in(const id_range& range, std::uint64_t rows, std::uint64_t increment,
                             std::uint64_t offset) {
  // Between our ids lie those of other servers, which a finer increment would step on.
  if (rows > 1 && increment % range.step != 0) return std::nullopt;
  const auto first = first_fit(range, increment, offset);
  if (!first || rows - 1 > (range.last - *first) / increment) return std::nullopt;
  return id_run{0, *first, *first + (rows - 1) * increment + range.step};
}

} // namespace

id_range id_range::of(std::uint64_t first, std::uint64_t count, std::uint64_t step) {
  assert(count > 0 && step > 0);
  return {first, first + (count - 1) * step, step, first, first};
}

std::optional<id_run> find_run(const std::vector<id_range>& ranges, std::uint64_t rows,
                               std::uint64_t increment, std::uint64_t offset) {
  assert(rows > 0 && increment > 0);
  for (std::size_t i = 0; i < ranges.size(); ++i)
    if (auto run = run_in(ranges[i], rows, increment, offset)) {
      run->range = i;
      return run;
    }
  return std::nullopt;
}

std::uint64_t mark_for(const id_range& range, const id_run& run) {
  const auto ahead = range.size() / 10 * range.step;
  return std::max(run.past, std::min(range.last + range.step, run.past + ahead));
}

std::uint64_t ids_left(const std::vector<id_range>& ranges) {
  std::uint64_t left = 0;
  for (const auto& range : ranges) left += range.left();
  return left;
}

std::uint64_t highest_id(const std::vector<id_range>& ranges) {
  std::uint64_t highest = 0;
  for (const auto& range : ranges) highest = std::max(highest, range.last);
  return highest;
}

std::uint64_t highest_used(const std::vector<id_range>& ranges) {
  std::uint64_t highest = 0;
  for (const auto& range : ranges)
    if (range.durable > range.first) highest = std::max(highest, range.durable - range.step);
  return highest;
}

} // namespace holdwater::proxy
