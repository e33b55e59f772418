// IP addresses and networks as text and bytes, for what peers and options say about them.
//
// Source: RFC 4291, section 2.2 (text of IPv6 addresses); an IPv4 address mapped into IPv6 (::ffff:a.b.c.d)
// is the IPv4 address.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::protocol {

struct ip_address {
  bool v6 = false;
  std::array<std::uint8_t, 16> bytes{}; // network order; the first four of an IPv4 address

  friend bool operator==(const ip_address&, const ip_address&) = default;
};

struct ip_endpoint {
  ip_address address;
  std::uint16_t port = 0;

  friend bool operator==(const ip_endpoint&, const ip_endpoint&) = default;
};

// "192.0.2.1" without leading zeroes, or "2001:db8::1" without a scope.
[[nodiscard]] std::optional<ip_address> parse_ip(std::string_view text);
[[nodiscard]] ip_address unmapped(const ip_address& address);
[[nodiscard]] std::string print_ip(const ip_address& address); // the longest run of zeroes as ::

// A list of networks, separated by commas or spaces: "10.0.0.0/8, 192.0.2.7, ::1", "localhost" for unix
// sockets, "*" for everybody.
class network_list {
 public:
  // Nothing when a part cannot be read; then `wrong`, if given, is that part.
  [[nodiscard]] static std::optional<network_list> parse(std::string_view text, std::string* wrong = nullptr);

  [[nodiscard]] bool contains(const ip_address& address) const;
  [[nodiscard]] bool contains_local() const { return local_; } // clients of a unix socket
  [[nodiscard]] bool empty() const { return networks_.empty() && !local_; }

 private:
  struct network {
    ip_address base;
    unsigned prefix = 0; // bits
  };
  std::vector<network> networks_;
  bool local_ = false;
};

} // namespace holdwater::protocol
