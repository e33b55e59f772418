// What the connections of one server share.
#pragma once

#include "admin/process.hpp"
#include "admin/server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace holdwater::admin {

// The way back to the io_context for completions that come on other threads. They may come after it is gone:
// then the mailbox is closed, and they are dropped.
class mailbox {
 public:
  explicit mailbox(boost::asio::io_context& io) : io_(&io) {}

  template <class F>
  void post(F&& f) {
    const std::lock_guard lock(mutex_);
    if (io_) boost::asio::post(*io_, std::forward<F>(f));
  }

  void close() {
    const std::lock_guard lock(mutex_);
    io_ = nullptr;
  }

 private:
  std::mutex mutex_;
  boost::asio::io_context* io_; // null once closed
};

struct shared_state {
  shared_state(process& shown, settings options, std::shared_ptr<mailbox> way_back)
      : on(shown), how(std::move(options)), back(std::move(way_back)), door(how.access),
        failures(how.most_failures, how.failure_window) {
    for (const auto& one : on.services())
      if (!one.name.empty()) names.push_back(one.name);
  }

  process& on;
  settings how;
  std::shared_ptr<mailbox> back;
  gate door;
  std::vector<std::string> names; // of the services, where they have some
  failure_limit failures;
  std::size_t open = 0;   // connections
  bool importing = false; // one of them sends a part of an import
};

// Something that runs until its socket is closed or it is stopped.
class connection {
 public:
  virtual ~connection() = default;
  virtual void stop() = 0;
};

// Starts to serve. `busy` answers 503 and closes. Weak: the connection keeps itself alive for as long as it
// runs.
[[nodiscard]] std::weak_ptr<connection> serve(boost::asio::ip::tcp::socket socket,
                                              std::shared_ptr<shared_state> shared, bool busy);

} // namespace holdwater::admin
