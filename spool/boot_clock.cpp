#include "spool/boot_clock.hpp"

#include <charconv>
#include <ctime>
#include <fstream>

namespace holdwater::spool {

using std::chrono::microseconds;

microseconds since_boot() {
  timespec at{};
  ::clock_gettime(CLOCK_BOOTTIME, &at);
  return std::chrono::duration_cast<microseconds>(std::chrono::seconds(at.tv_sec) +
                                                  std::chrono::nanoseconds(at.tv_nsec));
}

microseconds since_epoch() {
  return std::chrono::duration_cast<microseconds>(std::chrono::system_clock::now().time_since_epoch());
}

std::string this_boot() {
  std::string id;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), id);
  return id;
}

std::string distance_fact(std::string_view boot, microseconds distance) {
  return std::string(boot) + " " + std::to_string(distance.count());
}

std::optional<microseconds> distance_of(std::string_view fact, std::string_view boot) {
  if (boot.empty() || !fact.starts_with(boot) || fact.size() <= boot.size() + 1) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, failed] = std::from_chars(fact.data() + boot.size() + 1, fact.data() + fact.size(), value);
  if (failed != std::errc{} || end != fact.data() + fact.size()) return std::nullopt;
  return microseconds(value);
}

} // namespace holdwater::spool
