// The HTTP port: listens, and serves each connection through the router. No Beast here: only connection.cpp
// sees it.
//
// Invariant: everything runs on the given io_context, which one thread runs; answers of `control` that come
// on other threads are posted to it, and are dropped once the server is gone.
#pragma once

#include "admin/access.hpp"
#include "admin/process.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/system/result.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

struct ssl_ctx_st; // OpenSSL's SSL_CTX

namespace holdwater::admin {

// Where to listen; port 0 asks the kernel for a free one. The host may be a name; its first address is taken.
struct endpoint {
  std::string host;
  std::uint16_t port = 0;
};

struct settings {
  std::vector<std::string> host_names{}; // names that Host may carry, besides the listening host
  std::chrono::milliseconds request_timeout{
      10'000};                        // for a whole request to arrive, and for an answer to leave
  std::size_t most_connections = 256; // further ones get 503
  tokens access{};
  unsigned most_failures = 10; // of one address within the window: further requests get 429
  std::chrono::seconds failure_window{60};
  ssl_ctx_st* tls = nullptr; // the program's, which outlives the server; null: HTTP in clear text
};

class server {
 public:
  server(boost::asio::io_context& io, process& on, endpoint where, settings how = {});
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  // As stop(); on the thread that runs the io_context, or when none does.
  ~server();

  // Listens; returns the port.
  [[nodiscard]] boost::system::result<std::uint16_t> start();

  // Closes the port and every connection. From any thread; the closing itself happens on the io_context.
  void stop();

 private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

} // namespace holdwater::admin
