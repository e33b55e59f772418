// The file of a listening unix socket: a stale one is cleared away before, our own afterwards.
//
// Source: unix(7). A file stays behind when its owner is killed; connecting to it is then refused.
#pragma once

#include <boost/system/error_code.hpp>

#include <cstdint>
#include <string>
#include <sys/types.h>

namespace holdwater::proxy {

class socket_file {
 public:
  explicit socket_file(std::string path) : path_(std::move(path)) {}
  ~socket_file() { remove(); }
  socket_file(const socket_file&) = delete;
  socket_file& operator=(const socket_file&) = delete;

  // Removes a socket that nobody listens on. Fails with address_in_use when somebody does, and with
  // not_a_socket when the path is anything else.
  [[nodiscard]] boost::system::error_code make_room() const;
  // After bind(): the file is ours from now on.
  void own();
  // It is left there, for who listens on it after us.
  void leave() { inode_ = 0; }
  // Removes the file when it is still the one that we made.
  void remove();

 private:
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0; // 0: not ours
};

} // namespace holdwater::proxy
