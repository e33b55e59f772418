// What the HTTP port told, as text for people. Pure.
#pragma once

#include <boost/json/value.hpp>

#include <cstdint>
#include <string>

namespace holdwater::proxy::cli {

[[nodiscard]] std::string show_status(const boost::json::value& health);
[[nodiscard]] std::string show_units(const boost::json::value& listing);
[[nodiscard]] std::string show_unit(const boost::json::value& unit);
[[nodiscard]] std::string show_dead(const boost::json::value& listing);
[[nodiscard]] std::string show_sessions(const boost::json::value& listing);
[[nodiscard]] std::string show_config(const boost::json::value& listing);
[[nodiscard]] std::string show_reload(const boost::json::value& report);
// The newest of the samples.
[[nodiscard]] std::string show_traffic(const boost::json::value& history);
// [#####.....] 50 %. Precondition: done <= all, which is not 0.
[[nodiscard]] std::string bar(std::uint64_t done, std::uint64_t all);
// [#####.....] 50 %  10 of 20 applied, about 3 s
[[nodiscard]] std::string show_progress(const boost::json::value& health, std::uint64_t most);

[[nodiscard]] std::string lasting(double seconds); // 3 min 20 s
[[nodiscard]] std::string sized(double bytes);     // 1.5 MiB

// "" or 0 when it is not there.
[[nodiscard]] std::string text_at(const boost::json::value& in, const char* key);
[[nodiscard]] double number_at(const boost::json::value& in, const char* key);
[[nodiscard]] bool is_true(const boost::json::value& value); // it is there, and true
[[nodiscard]] const boost::json::value& at(const boost::json::value& in, const char* key);

} // namespace holdwater::proxy::cli
