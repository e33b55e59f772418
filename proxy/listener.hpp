// Accepts clients and hands each to the worker with the fewest sessions.
#pragma once

#include "proxy/session/worker.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace holdwater::proxy {

class listener {
 public:
  listener(asio::io_context& loop, services& process, std::vector<std::unique_ptr<worker>>& workers);

  // Binds and listens. Fails with what bind() or listen() said.
  [[nodiscard]] boost::system::error_code open(const endpoint& where);
  [[nodiscard]] endpoint bound() const;
  void start() { accept(); }
  void close();

 private:
  void accept();
  void take(asio::ip::tcp::socket client);
  void turn_away(asio::ip::tcp::socket client);

  services& process_;
  std::vector<std::unique_ptr<worker>>& workers_;
  asio::ip::tcp::acceptor acceptor_;
  asio::steady_timer pause_;
};

} // namespace holdwater::proxy
