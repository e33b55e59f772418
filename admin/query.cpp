#include "admin/query.hpp"
#include "admin/utf8.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>

namespace holdwater::admin {

std::optional<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t value = 0;
  const auto* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

query::query(std::string_view text) {
  while (!text.empty()) {
    const auto part = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    if (part.empty()) continue;
    const auto equals = part.find('=');
    const auto name = part.substr(0, equals);
    const auto value = equals == part.npos ? std::string_view{} : part.substr(equals + 1);
    if (!left_.emplace(name, value).second) fail(fmt::format("parameter {} is there twice", printable(name)));
  }
}

std::uint64_t query::count(std::string_view name, std::uint64_t otherwise, std::uint64_t least,
                           std::uint64_t most) {
  const auto text = take(name);
  if (!text) return otherwise;
  const auto value = parse_count(*text);
  if (value && *value >= least && *value <= most) return *value;
  if (most == std::numeric_limits<std::uint64_t>::max()) {
    fail(fmt::format("{} must be a whole number", name));
  } else {
    fail(fmt::format("{} must be a whole number from {} to {}", name, least, most));
  }
  return otherwise;
}

std::chrono::milliseconds query::seconds(std::string_view name, std::chrono::seconds otherwise,
                                         std::chrono::seconds most) {
  const auto text = take(name);
  if (!text) return otherwise;
  double value = 0;
  const auto* const end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, value, std::chars_format::fixed);
  const bool number = error == std::errc{} && stop == end && std::isfinite(value);
  if (number && value >= 0 && value <= static_cast<double>(most.count()))
    return std::chrono::milliseconds(std::llround(value * 1000));
  fail(fmt::format("{} must be a number of seconds from 0 to {}", name, most.count()));
  return otherwise;
}

std::string query::error() const {
  if (!error_.empty() || left_.empty()) return error_;
  return fmt::format("unknown parameter {}", printable(left_.begin()->first));
}

std::optional<std::string> query::take(std::string_view name) {
  const auto found = left_.find(name);
  if (found == left_.end()) return std::nullopt;
  auto value = std::move(found->second);
  left_.erase(found);
  return value;
}

void query::fail(std::string why) {
  if (error_.empty()) error_ = std::move(why);
}

} // namespace holdwater::admin
