#include "proxy/session/worker.hpp"

#include "proxy/config/load_options.hpp"
#include "proxy/log_scope.hpp"
#include "proxy/server/state_board.hpp"
#include "proxy/session/known_reads.hpp"
#include "proxy/session/link.hpp"
#include "proxy/session/server_pool.hpp"
#include "proxy/session/session.hpp"
#include "spool/boot_clock.hpp"

#include <spdlog/spdlog.h>

#include <exception>

namespace holdwater::proxy {

worker::worker(services& process)
    : shared_(process), loop_(process.settings.net.backend == "io_uring"),
      shares_links_(process.settings.pool.mode == "transaction"), reads_(std::make_unique<known_reads>()),
      pool_(std::make_unique<server_pool>(*this)) {
  shared_.board.on_change([this](server_view) { loop_.post([this] { wake_state_waiters(); }); });
}

worker::~worker() {
  stop();
}

void worker::start() {
  settings_ = shared_.settings;
  process_.emplace(shared_.with(settings_));
  thread_ = std::thread(in_log_scope([this] { loop_.run(); }));
}

void worker::take_leave(leave_taking how) {
  loop_.post([this, how] {
    leaving_ = how;
    const auto all = sessions_; // a session that ends leaves the set
    for (const auto& one : all) one->take_leave();
  });
}

void worker::stop() {
  if (!thread_.joinable()) return;
  loop_.post([this] {
    stopping_ = true;
    const auto ending = sessions_; // a session that ends leaves the set
    for (const auto& one : ending) one->stop();
    pool_->shed();
    stop_when_done();
  });
  thread_.join();
}

void worker::stop_when_done() {
  if (stopping_ && running_ == 0) loop_.stop();
}

void worker::adopt(stream_socket::native_handle_type socket, std::optional<bool> accepted) {
  count_.fetch_add(1, std::memory_order_relaxed);
  if (loop_.is_here()) return begin(socket, accepted, false);
  loop_.post([this, socket, accepted] { begin(socket, accepted, false); });
}

void worker::adopt_inner(stream_socket::native_handle_type socket) {
  count_.fetch_add(1, std::memory_order_relaxed);
  shared_.counters.connected_local.fetch_add(1, std::memory_order_relaxed);
  loop_.post([this, socket] { begin(socket, true, true); });
}

void worker::begin(stream_socket::native_handle_type socket, std::optional<bool> accepted, bool inner) {
  auto one = std::make_shared<session>(*this, socket, accepted, inner);
  sessions_.insert(one);
  if (stopping_) one->stop();
  auto& counters = process_->counters;
  auto& connected = accepted.value_or(false) ? counters.connected_local : counters.connected_remote;
  spawn(one->run(), [this, one, &connected] {
    sessions_.erase(one);
    count_.fetch_sub(1, std::memory_order_relaxed);
    connected.fetch_sub(1, std::memory_order_relaxed);
  });
}

void worker::learn_greeting() {
  loop_.post([this] {
    const auto wake = std::make_shared<wakeup>();
    spawn(proxy::learn_greeting(*this, *wake), [wake] {});
  });
}

void worker::reload(const options& fresh) {
  loop_.post([this, fresh] { take_reloadable(settings_, fresh); });
}

std::chrono::microseconds worker::since_boot() {
  using std::chrono::duration_cast, std::chrono::microseconds;
  const auto now = deadlines().now();
  if (now >= next_look_) {
    asleep_ = spool::since_boot() -
              duration_cast<microseconds>(std::chrono::steady_clock::now().time_since_epoch());
    next_look_ = now + std::chrono::seconds(1);
  }
  return duration_cast<microseconds>(now.time_since_epoch()) + asleep_;
}

void worker::run(task<> what) {
  spawn(std::move(what), [] {});
}

void worker::spawn(task<> what, std::function<void()> ended) {
  ++running_;
  loop_.post([this, what = std::move(what), ended = std::move(ended)]() mutable {
    run_to_end(std::move(what), std::move(ended));
  });
}

detached_task worker::run_to_end(task<> what, std::function<void()> ended) {
  try { // only std::bad_alloc and defects of ours are thrown: this one ends, the others go on
    const auto running = std::move(what); // ends before ended() is called
    co_await running;
  } catch (const std::exception& defect) {
    spdlog::critical("a session ended by an exception: {}", defect.what());
  }
  ended();
  --running_;
  stop_when_done();
}

bool worker::shed_pools() {
  if (process_->counters.pool_idle.load(std::memory_order_relaxed) == 0) return false;
  pool_->shed();
  if (process_->shed_pools) process_->shed_pools();
  return true;
}

void worker::wake_state_waiters() {
  const auto woken = std::exchange(state_waiters_, {});
  for (auto* one : woken) one->notify();
}

} // namespace holdwater::proxy
