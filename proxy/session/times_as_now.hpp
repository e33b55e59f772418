// Programs that look for what is valid now write the time of asking into their statements, so that no two are
// the same: `... WHERE expire_date > '2026-11-27 06:30:00.123456'`. Where a rule says `times_are_now`, such a
// literal is read as NOW() would be, and the question stays the same as time goes on. So does that of a list
// of what is new, which asks for NOW() - INTERVAL 7 DAY. The text itself is a question too, and the better
// one: what was a moment ago when it was asked may be a time of the data, which is asked for again.
#pragma once

#include "protocol/command.hpp"
#include "protocol/sql/analysis.hpp"
#include "proxy/session/client_command.hpp"

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

// Of a text whose rule takes times in it for now, the command being a query: the key of the question at any
// time, made of the key of the text itself, which ends with it. Nothing where no time is in it.
[[nodiscard]] std::optional<std::string> key_as_now(const client_command& of, std::string_view key,
                                                    const std::optional<protocol::query_text>& text,
                                                    const protocol::sql::dialect& how);

// How far the machine's zone is ahead of UTC at that time.
[[nodiscard]] std::chrono::seconds zone_offset(std::chrono::system_clock::time_point at);

} // namespace holdwater::proxy
