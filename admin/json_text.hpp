// JSON as people read it: indented, keys in the order in which they were put in, numbers without an exponent.
#pragma once

#include <boost/json/value.hpp>

#include <chrono>
#include <string>

namespace holdwater::admin {

// Ends with a newline. Strings must be UTF-8. A number that JSON has no word for (NaN, infinite) is null.
[[nodiscard]] std::string pretty(const boost::json::value& value);

// 2026-01-31T12:00:00.123Z
[[nodiscard]] std::string iso8601(std::chrono::system_clock::time_point when);

} // namespace holdwater::admin
