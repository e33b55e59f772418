// Listens for clients on one address, a port or a unix socket. Every worker accepts by itself, so that a
// client that comes, asks and goes needs no other thread; a worker that has clearly more sessions than
// another hands the client over.
#pragma once

#include "proxy/session/worker.hpp"
#include "proxy/socket_file.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/system/error_code.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace holdwater::proxy {

class listener {
 public:
  listener(asio::io_context& loop, services& process, std::vector<std::unique_ptr<worker>>& workers);
  // After the workers have ended.
  ~listener();
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;

  // Binds and listens. Fails with what bind() or listen() said.
  [[nodiscard]] boost::system::error_code open(const endpoint& where);
  // A unix socket whose file has the access rights `mode`.
  [[nodiscard]] boost::system::error_code open(const std::string& path, unsigned mode);
  [[nodiscard]] endpoint bound() const { return bound_; } // of a port
  // The workers begin to accept. Once.
  void start();
  // Nobody else is accepted. Any thread.
  void close();

 private:
  class door; // a worker's

  [[nodiscard]] boost::system::error_code listen_on(const stream_protocol::endpoint& address);

  services& process_;
  std::vector<std::unique_ptr<worker>>& workers_;
  asio::basic_socket_acceptor<stream_protocol> acceptor_; // until it is open
  int socket_ = -1;
  bool local_ = false; // a unix socket
  endpoint bound_;
  std::optional<socket_file> file_;
  std::vector<std::unique_ptr<door>> doors_;
};

} // namespace holdwater::proxy
