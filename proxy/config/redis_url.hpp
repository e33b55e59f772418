// Where a Redis is, as cache.redis has it: redis://[USER:PASSWORD@]HOST[:PORT][/DB] or
// unix://[USER:PASSWORD@]/PATH[?db=N]. User and password may be percent-encoded; redis://:PASSWORD@HOST
// leaves the user out.
//
// Worked example: redis://app:s%40t@cache.internal:6380/2 is user "app", password "s@t", database 2.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace holdwater::proxy {

struct options;

struct redis_url {
  std::string host; // of an IPv6 address without its brackets
  std::uint16_t port = 6379;
  std::string socket; // a unix socket's path, instead of the two
  std::string user;   // empty: Redis's default one
  std::string password;
  unsigned database = 0;

  // For people, without the secret: "HOST:PORT" or the socket's path, and the database unless it is 0.
  [[nodiscard]] std::string name() const;

  friend bool operator==(const redis_url&, const redis_url&) = default;
};

// Or what is wrong, in words that show no part of it.
struct no_redis_url {
  std::string why;
};
[[nodiscard]] std::variant<redis_url, no_redis_url> read_redis_url(std::string_view text);

// That of the options, with their password. Precondition: why_not_redis() says nothing, and there is one.
[[nodiscard]] redis_url redis_of(const options& settings);
// What is wrong with cache.redis and what belongs to it; empty: nothing.
[[nodiscard]] std::string why_not_redis(const options& settings);

} // namespace holdwater::proxy
