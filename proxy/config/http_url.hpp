// http://HOST[:PORT][/PATH] and https://..., as hook.url has it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace holdwater::proxy {

struct http_url {
  bool tls = false;
  std::string host; // of an IPv6 address without its brackets
  std::string port;
  std::string target = "/"; // path and query

  friend bool operator==(const http_url&, const http_url&) = default;
};

// Nothing: it is none. Users, fragments and bytes outside of ASCII's visible ones are not taken.
[[nodiscard]] std::optional<http_url> read_http_url(std::string_view text);

} // namespace holdwater::proxy
