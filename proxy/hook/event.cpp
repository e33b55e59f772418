#include "proxy/hook/event.hpp"

#include "admin/json_text.hpp"
#include "protocol/sql/shape.hpp"

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/json/serialize.hpp>

namespace holdwater::proxy {
namespace {

using system_clock = std::chrono::system_clock;

// What JSON and an environment can hold: other bytes are question marks.
std::string plain(std::string_view text) {
  constexpr std::size_t most = 1000;
  std::string out(text.substr(0, most));
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
  return out;
}

} // namespace

hook_event::hook_event(std::string_view kind, system_clock::time_point at) : kind_(kind) {
  with("event", kind).with("at", at);
}

hook_event& hook_event::with(std::string_view name, std::string_view value) {
  values_[name] = plain(value);
  return *this;
}

hook_event& hook_event::with(std::string_view name, std::uint64_t value) {
  values_[name] = value;
  return *this;
}

hook_event& hook_event::with(std::string_view name, system_clock::time_point value) {
  return with(name, admin::iso8601(value));
}

hook_event& hook_event::with_flag(std::string_view name, bool value) {
  values_[name] = value;
  return *this;
}

hook_event& hook_event::with_reason(std::string_view name, std::string_view words) {
  return with(name, protocol::sql::without_quotes(words));
}

std::string hook_event::json() const {
  return boost::json::serialize(values_) + "\n";
}

std::vector<std::string> hook_event::environment() const {
  std::vector<std::string> out;
  for (const auto& [name, value] : values_) {
    const auto text = value.is_string() ? std::string(value.as_string()) : boost::json::serialize(value);
    std::string variable = "HOLDWATER_EVENT";
    if (name != "event") variable.append("_").append(boost::algorithm::to_upper_copy(std::string(name)));
    out.push_back(variable.append("=").append(text));
  }
  return out;
}

} // namespace holdwater::proxy
