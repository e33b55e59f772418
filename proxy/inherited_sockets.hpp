// Listening sockets that somebody else opened for us: a service manager's, or those of the process that this
// one follows. Clients that came in between wait in them, instead of being refused.
//
// Source: sd_listen_fds(3): descriptors from 3 on, LISTEN_FDS of them, for the process LISTEN_PID.
#pragma once

#include "proxy/net/stream_socket.hpp"

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::proxy {

inline constexpr int first_inherited = 3;
inline constexpr std::array inheritance_variables{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"};

// A listening socket, and what it is called between one process and the next.
struct named_socket {
  int descriptor = -1;
  std::string name;
};

// What ours are called: what it is for and, of a unix socket, which file is its own, so that another at its
// path is not taken for it.
[[nodiscard]] std::string socket_name(std::string_view purpose, const std::string& path = {});
// A Holdwater has made it, and not a service manager's socket unit.
[[nodiscard]] bool is_made_by_us(const named_socket& socket);

class inherited_sockets {
 public:
  inherited_sockets() = default;
  ~inherited_sockets(); // closes what nobody took
  inherited_sockets(const inherited_sockets&) = delete;
  inherited_sockets& operator=(const inherited_sockets&) = delete;

  // Takes over what the environment tells of; once, before any thread and any other descriptor. A child of
  // ours gets neither descriptors nor variables.
  void receive();

  // What listens there, whose descriptor is the caller's from now on; -1 when there is none. Port 0 is any
  // port of that address.
  [[nodiscard]] named_socket take(const stream_protocol::endpoint& where);
  // What nobody took is closed, and a unix socket's file removed that was ours. Gives their names.
  [[nodiscard]] std::vector<std::string> drop_rest();

 private:
  std::vector<named_socket> left_;
};

} // namespace holdwater::proxy
