// Source: clock_gettime(2), "CLOCK_BOOTTIME"; proc(5), "/proc/sys/kernel/random/boot_id".
#include "spool/settling_clock.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <fstream>
#include <optional>

namespace holdwater::spool {
namespace {

using std::chrono::microseconds;
constexpr char clock_fact[] = "clock";

microseconds since_boot() {
  timespec at{};
  ::clock_gettime(CLOCK_BOOTTIME, &at);
  return std::chrono::duration_cast<microseconds>(std::chrono::seconds(at.tv_sec) +
                                                  std::chrono::nanoseconds(at.tv_nsec));
}

// Empty where the system does not tell: then each start of the program counts as a boot.
std::string this_boot() {
  std::string id;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), id);
  return id;
}

std::optional<microseconds> distance_of(std::string_view fact, std::string_view boot) {
  if (boot.empty() || !fact.starts_with(boot) || fact.size() <= boot.size() + 1) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, failed] = std::from_chars(fact.data() + boot.size() + 1, fact.data() + fact.size(), value);
  if (failed != std::errc{} || end != fact.data() + fact.size()) return std::nullopt;
  return microseconds(value);
}

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
  return kept_ ? result<void>() : file.set_fact(clock_fact, boot_ + " " + std::to_string(distance_.count()));
}

} // namespace holdwater::spool
