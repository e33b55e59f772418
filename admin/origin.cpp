#include "admin/origin.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace holdwater::admin {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool is_port(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// The name or address before the port; empty when there is none or the port is no number.
std::string_view without_port(std::string_view host) {
  const auto bracket = host.rfind(']');
  const auto colon = host.rfind(':');
  if (colon == host.npos || (bracket != host.npos && colon < bracket)) return host;
  return is_port(host.substr(colon + 1)) ? host.substr(0, colon) : std::string_view{};
}

bool is_address(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> parsed{};
  if (!host.starts_with('[')) return inet_pton(AF_INET, host.c_str(), parsed.data()) == 1;
  if (!host.ends_with(']')) return false;
  return inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), parsed.data()) == 1;
}

std::string without_port(std::string text, std::string_view port) {
  if (text.ends_with(port)) text.resize(text.size() - port.size());
  return text;
}

} // namespace

bool host_is_ours(std::string_view host, const std::vector<std::string>& names) {
  const auto name = lower(without_port(host));
  if (name.empty() || name.find('\0') != name.npos) return false;
  if (name == "localhost" || is_address(name)) return true;
  return std::ranges::any_of(names, [&](const std::string& known) { return lower(known) == name; });
}

bool same_origin(std::string_view origin, std::string_view host) {
  const auto from = lower(origin);
  for (const auto& [scheme, port] : {std::pair{"http://", ":80"}, {"https://", ":443"}}) {
    const std::string_view head = scheme;
    if (from.starts_with(head))
      return without_port(from.substr(head.size()), port) == without_port(lower(host), port);
  }
  return false;
}

} // namespace holdwater::admin
