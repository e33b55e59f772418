#include "spool/settling_clock.hpp"

#include "spool/boot_clock.hpp"

#include <algorithm>

namespace holdwater::spool {
namespace {

constexpr char clock_fact[] = "clock";

} // namespace

result<void> settling_clock::start(store& file, const sqlite_spool_options& options) {
  awake_ = options.awake ? options.awake : since_boot;
  boot_ = options.boot.empty() ? this_boot() : options.boot;
  auto fact = file.fact(clock_fact, kept_);
  if (!fact) return fact.error();
  if (const auto known = kept_ ? distance_of(*fact, boot_) : std::nullopt) {
    distance_ = *known;
    return {};
  }
  kept_ = false;
  auto newest = file.newest_settled();
  if (!newest) return newest.error();
  distance_ = std::max(options.now(), *newest) - awake_();
  return {};
}

result<void> settling_clock::keep(store& file) const {
  return kept_ ? result<void>() : file.set_fact(clock_fact, distance_fact(boot_, distance_));
}

} // namespace holdwater::spool
