// The process that follows this one in its place: the same program, or what an upgrade has put there, with
// the same arguments and the listening sockets, so that no client is refused between the two.
//
// Source: execve(2), sd_listen_fds(3).
#pragma once

#include "proxy/inherited_sockets.hpp"

#include <string>
#include <vector>

namespace holdwater::proxy {

// How a process was started.
struct start_command {
  std::string
      program; // its file, or the link to it by which it was started; what is there now may be another
  std::vector<std::string> arguments;
  std::vector<std::string> variables; // NAME=value

  [[nodiscard]] static start_command of_this_process(int argc, char** argv, char** variables);
};

// This process becomes that one, which inherits the sockets. Returns only when that fails, with the reason.
[[nodiscard]] std::string become(const start_command& next, const std::vector<named_socket>& sockets);

} // namespace holdwater::proxy
