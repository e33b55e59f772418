// Programs that look for what is valid now write the time of asking into their statements, so that no two are
// the same: `... WHERE expire_date > '2026-11-27 06:30:00.123456'`. Where a rule says `times_are_now`, such a
// literal is read as NOW() would be, and the question stays the same as time goes on. So does that of a list
// of what is new, which asks for NOW() - INTERVAL 7 DAY. Pure.
#pragma once

#include "protocol/sql/analysis.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace holdwater::proxy {

// The text with a mark in place of each literal that is the present time, or that time of another day, within
// a minute; nothing where there is none. A literal is a date with a time (also with fractions, also as 14
// digits), in UTC or in the zone `local` ahead of it, or the seconds or milliseconds since 1970.
[[nodiscard]] std::optional<std::string> times_as_now(std::string_view text,
                                                      const protocol::sql::dialect& how,
                                                      std::chrono::system_clock::time_point now,
                                                      std::chrono::seconds local);

// How far the machine's zone is ahead of UTC at that time.
[[nodiscard]] std::chrono::seconds zone_offset(std::chrono::system_clock::time_point at);

} // namespace holdwater::proxy
