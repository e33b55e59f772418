// Listens for clients on one address, a port or a unix socket. Every worker accepts by itself, so that a
// client that comes, asks and goes needs no other thread; a worker that has clearly more sessions than
// another hands the client over.
#pragma once

#include "proxy/inherited_sockets.hpp"
#include "proxy/session/worker.hpp"
#include "proxy/socket_file.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/system/error_code.hpp>

#include <atomic>
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

  // Takes over the socket that listens there already, or binds and listens. Fails with what bind() or
  // listen() said.
  [[nodiscard]] boost::system::error_code open(const endpoint& where, inherited_sockets& handed);
  // A unix socket whose file has the access rights `mode`; one that is taken over has those it had.
  [[nodiscard]] boost::system::error_code open(const std::string& path, unsigned mode,
                                               inherited_sockets& handed);
  [[nodiscard]] endpoint bound() const { return bound_; } // of a port
  // The workers begin to accept. Once.
  void start();
  // Nobody else is accepted. With `for_others` whoever comes waits for the next process that has the socket;
  // otherwise it is refused. Any thread.
  void close(bool for_others);
  [[nodiscard]] int socket() const { return socket_; }        // ours until the end
  [[nodiscard]] bool is_others() const { return is_others_; } // somebody else has it too

 private:
  class door; // a worker's

  [[nodiscard]] boost::system::error_code listen_on(const stream_protocol::endpoint& address);
  [[nodiscard]] boost::system::error_code take_over(const named_socket& socket);
  [[nodiscard]] boost::system::error_code use(int socket);

  services& process_;
  std::vector<std::unique_ptr<worker>>& workers_;
  asio::basic_socket_acceptor<stream_protocol> acceptor_; // until it is open
  int socket_ = -1;
  bool local_ = false; // a unix socket
  bool is_others_ = false;
  std::atomic<bool> closed_{false};
  endpoint bound_;
  std::optional<socket_file> file_;
  std::vector<std::unique_ptr<door>> doors_;
};

} // namespace holdwater::proxy
