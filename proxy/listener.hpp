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
  // `service` makes part of what its socket is called.
  listener(asio::io_context& loop, services& process, std::vector<std::unique_ptr<worker>>& workers,
           std::string service);
  // After the workers have ended.
  ~listener();
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;

  // On a port, or on a unix socket whose file has the access rights `mode`. Both claim what was handed over
  // and listens there already. Fails when the place cannot be.
  [[nodiscard]] boost::system::error_code claim(const endpoint& where, inherited_sockets& handed);
  [[nodiscard]] boost::system::error_code claim(const std::string& path, unsigned mode,
                                                inherited_sockets& handed);
  // Binds and listens there, unless it does already. Fails with what bind() or listen() said.
  [[nodiscard]] boost::system::error_code open();
  [[nodiscard]] endpoint bound() const { return bound_; } // of a port
  // The workers begin to accept. Once.
  void start();
  // Nobody else is accepted. With `for_others` whoever comes waits for the next process that has the socket;
  // otherwise, and from refuse() on, it is refused. Any thread.
  void close(bool for_others);
  void refuse();
  [[nodiscard]] bool is_closed() const { return open_doors_.load(std::memory_order_acquire) == 0; }
  // Ours until the end, and what it is called.
  [[nodiscard]] named_socket socket() const;
  [[nodiscard]] bool is_others() const { return is_others_; } // a service manager's, which has it too

 private:
  class door; // a worker's; NOLINT(cppcoreguidelines-virtual-class-destructor): it is final

  [[nodiscard]] boost::system::error_code take(inherited_sockets& handed);
  [[nodiscard]] boost::system::error_code listen();
  [[nodiscard]] boost::system::error_code use(int socket);

  services& process_;
  std::vector<std::unique_ptr<worker>>& workers_;
  const std::string service_;
  asio::basic_socket_acceptor<stream_protocol> acceptor_; // until it is open
  int socket_ = -1;
  bool local_ = false; // a unix socket
  std::string path_;   // its file
  unsigned mode_ = 0;
  bool is_others_ = false;
  bool keeps_file_ = false; // at the end
  std::atomic<bool> closed_{false};
  std::atomic<std::size_t> open_doors_{0};
  stream_protocol::endpoint place_;
  endpoint bound_;
  std::optional<socket_file> file_;
  std::vector<std::unique_ptr<door>> doors_;
};

} // namespace holdwater::proxy
