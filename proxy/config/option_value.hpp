// One option's value between text and its typed field: how "2.5", "4GiB" or "[::1]:6033" is read, checked and
// printed.
//
// Invariant: parse(print(v)) == v for every value a field may hold, so a printed sample reads back to the
// same options.
#pragma once

#include "proxy/config/options.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <variant>

namespace holdwater::proxy {

// How a value is written.
enum class option_kind {
  text,        // any characters without NUL
  secret,      // as text, but never shown
  texts,       // a list of them; between NULs, or one a line
  number,      // a whole number
  bytes,       // a whole number of bytes, with KiB, MiB, GiB or TiB if wished
  yes_no,      // true or false
  seconds,     // seconds, fractions allowed
  address,     // HOST:PORT, IPv6 in brackets
  file_mode,   // access rights of a file, octal, as chmod takes them
  auth_plugin, // a password plugin that clients may log in with, or nothing
  // one of a few words, see words_of() in option_value.cpp
  proxy_version,
  compression_name,
  log_level,
  log_format,
  statement_policy,
  client_tls_mode,
  server_tls_mode,
  tls_version,
  after_write,
  net_backend,
  pool_mode,
};

// Which values are taken, both ends included: of the number itself, of bytes, of milliseconds for a span of
// time, of characters for text. An address has no range.
struct option_range {
  std::uint64_t least = 0;
  std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
};

// The place in `options` that an option fills.
using option_field =
    std::variant<std::string*, std::vector<std::string>*, bool*, unsigned*, std::uint16_t*, std::uint64_t*,
                 std::chrono::milliseconds*, std::chrono::seconds*, endpoint*>;

// Reads `text` into `field`. Returns what is wrong with it, or an empty string; on error the field is
// unchanged.
[[nodiscard]] std::string parse_option(option_kind kind, option_range range, std::string_view text,
                                       option_field field);

// The value as the configuration file writes it.
[[nodiscard]] std::string print_option(option_kind kind, option_field field);

// HOST:PORT or [IPV6]:PORT. Returns what is wrong, or an empty string.
[[nodiscard]] std::string parse_endpoint(std::string_view text, endpoint& out);
[[nodiscard]] std::string print_endpoint(const endpoint& address);

} // namespace holdwater::proxy
