#include "proxy/config/http_url.hpp"

#include <algorithm>

namespace holdwater::proxy {
namespace {

bool is_port(std::string_view text) {
  constexpr std::size_t most_digits = 5;
  return !text.empty() && text.size() <= most_digits && text.find_first_not_of("0123456789") == text.npos &&
         std::stoul(std::string(text)) - 1 < 65535;
}

} // namespace

std::optional<http_url> read_http_url(std::string_view text) {
  http_url out;
  out.tls = text.starts_with("https://");
  if (!out.tls && !text.starts_with("http://")) return std::nullopt;
  if (!std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; })) return std::nullopt;
  text.remove_prefix(out.tls ? 8 : 7);
  const auto slash = std::min(text.find_first_of("/?#"), text.size());
  auto authority = text.substr(0, slash);
  const auto rest = text.substr(slash);
  if (rest.find('#') != rest.npos || authority.find('@') != authority.npos) return std::nullopt;
  if (!rest.empty()) out.target = (rest.front() == '/' ? "" : "/") + std::string(rest);
  out.port = out.tls ? "443" : "80";
  const auto bracket = authority.rfind(']');
  if (const auto colon = authority.rfind(':');
      colon != authority.npos && (bracket == authority.npos || bracket < colon)) {
    out.port = authority.substr(colon + 1);
    authority = authority.substr(0, colon);
    if (!is_port(out.port)) return std::nullopt;
  }
  if (authority.starts_with('[') && authority.ends_with(']'))
    authority = authority.substr(1, authority.size() - 2);
  out.host = authority;
  if (out.host.empty() || out.host.find_first_of("[]/\\") != out.host.npos) return std::nullopt;
  return out;
}

} // namespace holdwater::proxy
