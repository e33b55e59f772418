// Accepts clients on one address, a port or a unix socket, and hands each to the worker with the fewest
// sessions.
#pragma once

#include "proxy/session/worker.hpp"
#include "proxy/socket_file.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/steady_timer.hpp>
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

  // Binds and listens. Fails with what bind() or listen() said.
  [[nodiscard]] boost::system::error_code open(const endpoint& where);
  // A unix socket whose file has the access rights `mode`.
  [[nodiscard]] boost::system::error_code open(const std::string& path, unsigned mode);
  [[nodiscard]] endpoint bound() const; // of a port
  void start() { accept(); }
  void close();

 private:
  [[nodiscard]] boost::system::error_code listen_on(const stream_protocol::endpoint& address);
  void accept();
  void take(stream_socket client);
  void turn_away(stream_socket client);

  services& process_;
  std::vector<std::unique_ptr<worker>>& workers_;
  asio::basic_socket_acceptor<stream_protocol> acceptor_;
  std::optional<socket_file> file_;
  asio::steady_timer pause_;
};

} // namespace holdwater::proxy
