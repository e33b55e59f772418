#include "proxy/session/worker.hpp"

#include "proxy/server/state_board.hpp"
#include "proxy/session/session.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

#include <exception>

namespace holdwater::proxy {

worker::worker(services& process) : process_(process), work_(loop_.get_executor()), deadlines_(loop_) {
  process_.board.on_change([this](server_view) { asio::post(loop_, [this] { wake_state_waiters(); }); });
}

worker::~worker() {
  stop();
}

void worker::start() {
  thread_ = std::thread([this] { loop_.run(); });
}

void worker::stop() {
  if (!thread_.joinable()) return;
  asio::post(loop_, [this] {
    work_.reset();
    const auto ending = sessions_; // a session that ends leaves the set
    for (const auto& one : ending) one->stop();
  });
  thread_.join();
}

void worker::adopt(stream_socket::native_handle_type socket, stream_protocol kind) {
  count_.fetch_add(1, std::memory_order_relaxed);
  asio::post(loop_, [this, socket, kind] { begin(stream_socket(loop_, kind, socket)); });
}

void worker::begin(stream_socket socket) {
  auto one = std::make_shared<session>(*this, std::move(socket));
  sessions_.insert(one);
  asio::co_spawn(loop_, one->run(), [this, one](std::exception_ptr thrown) {
    sessions_.erase(one);
    count_.fetch_sub(1, std::memory_order_relaxed);
    process_.counters.connected.fetch_sub(1, std::memory_order_relaxed);
    if (!thrown) return;
    try { // only std::bad_alloc and defects of ours come here: the session ends, the others go on
      std::rethrow_exception(thrown);
    } catch (const std::exception& what) {
      spdlog::critical("a session ended by an exception: {}", what.what());
    }
  });
}

void worker::wake_state_waiters() {
  const auto woken = std::exchange(state_waiters_, {});
  for (auto* one : woken) one->notify();
}

} // namespace holdwater::proxy
