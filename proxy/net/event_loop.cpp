#include "proxy/net/event_loop.hpp"

#include <boost/system/system_error.hpp>

#include <cassert>
#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace holdwater::proxy {
namespace {

int checked(int descriptor, const char* call) {
  if (descriptor < 0) throw boost::system::system_error(errno, boost::system::system_category(), call);
  return descriptor;
}

} // namespace

event_loop::event_loop(bool on_ring)
    : work_(asio_.get_executor()), sockets_(on_ring),
      interrupter_(checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")),
      nested_(asio_, checked(::fcntl(sockets_.descriptor(), F_DUPFD_CLOEXEC, 0), "dup")) {
  if (const auto failed = sockets_.watch(interrupter_, nullptr))
    throw boost::system::system_error(failed, "epoll_ctl");
}

event_loop::~event_loop() {
  ::close(interrupter_);
}

void event_loop::run() {
  using std::chrono::milliseconds;
  thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  while (!stopped_) {
    const auto longest = deadlines_.fire_due();
    if (stopped_) break; // one of those that were woken has said so
    sockets_.nest(asio_users_ > 0);
    if (asio_users_ > 0) {
      run_with_asio(longest);
    } else if (posted_.exchange(false, std::memory_order_acq_rel)) {
      asio_.poll();
    } else {
      sockets_.wait(longest);
    }
  }
  sockets_.finish();
}

// Asio waits for both: the poller is one more descriptor for it.
void event_loop::run_with_asio(std::chrono::milliseconds longest) {
  if (!nested_armed_) {
    nested_armed_ = true;
    nested_.async_wait(asio::posix::stream_descriptor::wait_read, [this](boost::system::error_code) {
      nested_armed_ = false;
      sockets_.wait(std::chrono::milliseconds(0));
    });
  }
  if (sockets_.unsettled()) { // what it leads to may be more of the same
    sockets_.wait(std::chrono::milliseconds(0));
    asio_.poll_one();
  } else if (longest.count() < 0) {
    asio_.run_one();
  } else {
    asio_.run_one_for(longest);
  }
}

// The edge is what ends the wait, so the count is never read; it does not fill in a machine's life.
void event_loop::interrupt() {
  if (posted_.exchange(true, std::memory_order_acq_rel)) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(interrupter_, &one, sizeof one);
  assert(written == sizeof one);
}

} // namespace holdwater::proxy
