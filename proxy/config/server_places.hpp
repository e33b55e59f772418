// Lists of servers, as server.host and server.replicas have them: HOST:PORT, [IPV6]:PORT, HOST, or a unix
// socket's path, separated by commas.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::proxy {

struct options;

struct server_place {
  std::string host;
  std::uint16_t port = 3306;
  std::string socket; // a unix socket's path, instead of the two

  // For people: "HOST:PORT" or the socket's path.
  [[nodiscard]] std::string name() const;

  friend bool operator==(const server_place&, const server_place&) = default;
};

inline constexpr std::size_t most_replicas = 16; // and servers
inline constexpr std::uint16_t usual_port = 3306;

// Nothing when one of them is none, which `wrong` names then, or when there are too many. Empty: none.
[[nodiscard]] std::optional<std::vector<server_place>>
parse_places(std::string_view list, std::string* wrong = nullptr, std::uint16_t port = usual_port);

// Those of server.host, with server.port where one has none of its own; or server.socket alone. A host
// without a comma is taken as it is, so an IPv6 address needs no brackets.
[[nodiscard]] std::vector<server_place> places_of_servers(const options& settings);

} // namespace holdwater::proxy
