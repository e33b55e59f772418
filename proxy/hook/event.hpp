// Something that an operator may want to be told of, as JSON and as environment variables.
//
// Worked example:
//   {"event": "state", "at": "2026-11-26T20:14:46.123Z", "from": "up", "to": "suspect",
//    "since": "2026-11-26T08:00:00.000Z", "why": "check: Lost connection to server during query (2013)", ...}
// (`since`: when the state that has ended began.)
//   HOLDWATER_EVENT=state, HOLDWATER_EVENT_FROM=up, HOLDWATER_EVENT_TO=suspect, and so on
//
// Invariant: no literal of a statement is in one. A server's words are told without what they quote.
#pragma once

#include <boost/json/object.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::proxy {

class hook_event {
 public:
  // state, halted, dead_letter, spool
  explicit hook_event(std::string_view kind,
                      std::chrono::system_clock::time_point at = std::chrono::system_clock::now());

  hook_event& with(std::string_view name, std::string_view value);
  hook_event& with(std::string_view name, std::uint64_t value);
  hook_event& with(std::string_view name, std::chrono::system_clock::time_point value);
  hook_event& with_flag(std::string_view name, bool value);
  // The words without what stands in quotes in them.
  hook_event& with_reason(std::string_view name, std::string_view words);

  [[nodiscard]] const std::string& kind() const { return kind_; }
  [[nodiscard]] std::string json() const; // with a line's end
  // NAME=value, one for each value.
  [[nodiscard]] std::vector<std::string> environment() const;

 private:
  std::string kind_;
  boost::json::object values_;
};

} // namespace holdwater::proxy
