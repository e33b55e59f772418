// The list of replicas, as server.replicas has it: HOST:PORT, [IPV6]:PORT, HOST (port 3306), or a unix
// socket's path, separated by commas.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::proxy {

struct server_place {
  std::string host;
  std::uint16_t port = 3306;
  std::string socket; // a unix socket's path, instead of the two

  // For people: "HOST:PORT" or the socket's path.
  [[nodiscard]] std::string name() const;

  friend bool operator==(const server_place&, const server_place&) = default;
};

inline constexpr std::size_t most_replicas = 16;

// Nothing when one of them is none, which `wrong` names then, or when there are too many. Empty: none.
[[nodiscard]] std::optional<std::vector<server_place>> parse_places(std::string_view list,
                                                                    std::string* wrong = nullptr);

} // namespace holdwater::proxy
