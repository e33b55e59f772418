#include "spool/import_job.hpp"

#include <charconv>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string_view>

namespace holdwater::spool {
namespace {

// Which positions were taken.
class taken_ranges {
 public:
  static std::optional<taken_ranges> read(std::string_view text);
  [[nodiscard]] std::string print() const;
  [[nodiscard]] bool holds(std::uint64_t position) const;
  void add(std::uint64_t position); // Precondition: !holds(position)

 private:
  std::map<std::uint64_t, std::uint64_t> ends_; // by where each begins
};

std::optional<taken_ranges> taken_ranges::read(std::string_view text) {
  taken_ranges out;
  const auto* at = text.data();
  const auto* const end = at + text.size();
  while (true) {
    std::uint64_t first = 0, last = 0;
    auto got = std::from_chars(at, end, first);
    if (got.ec != std::errc()) return std::nullopt;
    if (got.ptr == end && out.ends_.empty()) { // of an older version
      if (first > 0) out.ends_[1] = first;
      return out;
    }
    if (got.ptr == end || *got.ptr != '-') return std::nullopt;
    got = std::from_chars(got.ptr + 1, end, last);
    if (got.ec != std::errc() || last < first) return std::nullopt;
    out.ends_[first] = last;
    if (got.ptr == end) return out;
    if (*got.ptr != ',') return std::nullopt;
    at = got.ptr + 1;
  }
}

std::string taken_ranges::print() const {
  std::string out;
  for (const auto& [first, last] : ends_)
    out += (out.empty() ? "" : ",") + std::to_string(first) + "-" + std::to_string(last);
  return out;
}

bool taken_ranges::holds(std::uint64_t position) const {
  const auto behind = ends_.upper_bound(position);
  return behind != ends_.begin() && std::prev(behind)->second >= position;
}

void taken_ranges::add(std::uint64_t position) {
  auto behind = ends_.upper_bound(position);
  auto last = position;
  if (behind != ends_.end() && behind->first == position + 1) {
    last = behind->second;
    behind = ends_.erase(behind);
  }
  if (behind != ends_.begin() && std::prev(behind)->second + 1 == position)
    std::prev(behind)->second = last;
  else
    ends_.emplace(position, last);
}

struct import_state {
  std::string fact;
  std::vector<packed_import> units;
  std::vector<store::stored_row> taken; // by this run of the job
};

result<taken_ranges> taken_from(store& file, const std::string& fact) {
  bool found = false;
  auto text = file.fact(fact, found);
  if (!text) return text.error();
  if (!found) return taken_ranges();
  auto ranges = taken_ranges::read(*text);
  if (!ranges) return failure{errc::corrupt, fact + " cannot be read: " + *text};
  return *std::move(ranges);
}

// A job may be run again after a failed commit.
result<void> take(store& file, import_state& all) {
  all.taken.clear();
  auto before = taken_from(file, all.fact);
  if (!before) return before.error();
  for (const auto& one : all.units) {
    if (before->holds(one.position)) continue;
    auto given = file.insert(one.packed);
    if (!given) return given.error();
    before->add(one.position);
    all.taken.push_back(
        {*given, unit_state::pending, one.packed.bytes, one.packed.accepted_at, one.tables, {}});
  }
  if (all.taken.empty()) return {};
  return file.set_fact(all.fact, before->print());
}

} // namespace

write_job import_job(const std::string& source, std::vector<packed_import> units,
                     std::function<void(const std::vector<store::stored_row>&)> show,
                     std::function<void(result<import_outcome>)> done) {
  std::uint64_t bytes = 0;
  for (const auto& one : units) bytes += one.packed.bytes;
  const auto all = std::make_shared<import_state>("import." + source, std::move(units));
  const auto tell = [all, done = std::move(done)](const std::optional<failure>& why) {
    if (why) return done(*why);
    const auto taken = all->taken.size();
    done(import_outcome{taken, all->units.size() - taken, taken == 0 ? 0 : all->taken.back().number});
  };
  return {[all](store& file) { return take(file, *all); },
          [all, show = std::move(show)](store&) { show(all->taken); }, tell, bytes, true};
}

} // namespace holdwater::spool
