// A clock for ages that are kept over restarts: it starts at the wall clock once a boot of the machine and
// goes on with the time that has passed since (CLOCK_BOOTTIME, which counts a suspended machine's sleep too).
// So a wall clock that is set while the program runs, or between two runs, changes no age.
//
// What is kept of it is a fact, the boot and the distance between the two clocks in microseconds:
// "<boot id> 1795693810000000".
//
// Source: clock_gettime(2), "CLOCK_BOOTTIME"; proc(5), "/proc/sys/kernel/random/boot_id".
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace holdwater::spool {

[[nodiscard]] std::chrono::microseconds since_boot();
[[nodiscard]] std::chrono::microseconds since_epoch(); // by the wall clock
// Empty where the system does not tell: then each start of the program counts as a boot.
[[nodiscard]] std::string this_boot();

[[nodiscard]] std::string distance_fact(std::string_view boot, std::chrono::microseconds distance);
// Nothing: the fact is of another boot, or none.
[[nodiscard]] std::optional<std::chrono::microseconds> distance_of(std::string_view fact,
                                                                   std::string_view boot);

} // namespace holdwater::spool
