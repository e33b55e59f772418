#include "spool/import_job.hpp"

#include <charconv>
#include <memory>

namespace holdwater::spool {
namespace {

struct import_state {
  std::string fact;
  std::vector<packed_import> units;
  std::vector<store::stored_row> taken; // by this run of the job
};

result<std::uint64_t> position_in(store& file, const std::string& fact) {
  bool found = false;
  auto text = file.fact(fact, found);
  if (!text) return text.error();
  std::uint64_t position = 0;
  if (found) std::from_chars(text->data(), text->data() + text->size(), position);
  return position;
}

// A job may be run again after a failed commit.
result<void> take(store& file, import_state& all) {
  all.taken.clear();
  auto before = position_in(file, all.fact);
  if (!before) return before.error();
  for (const auto& one : all.units) {
    if (one.position <= *before) continue;
    auto given = file.insert(one.packed);
    if (!given) return given.error();
    all.taken.push_back(
        {*given, unit_state::pending, one.packed.bytes, one.packed.accepted_at, one.tables, {}});
  }
  if (all.taken.empty()) return {};
  return file.set_fact(all.fact, std::to_string(all.units.back().position));
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
